"""The demo model: corpus, training, export and evaluation."""
