"""What the protocols of bench/ stand on: clients, servers, prompts, the machine, results."""
