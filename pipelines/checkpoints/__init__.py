"""Checkpoints: training, cards, loading and evaluation, with transformers and peft, at any model size."""
