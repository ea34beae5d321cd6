"""One module per protocol: `measure(setting, rows, prompts)`; the first line of its docstring says what it measures."""
