"""What a model is: its format, its signature, its data, and the runtimes that run it."""
