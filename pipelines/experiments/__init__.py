"""Persona experiments: register, train, merge, evaluate, gate. What is trained and asked is in `pipelines.checkpoints`."""
