"""Persona experiments: register, train, merge, evaluate, gate. Training itself is in `pipelines.checkpoints`."""
