"""What bench/report.py is made of: reading results, the goals, growth, the figures of the original document, plots."""
