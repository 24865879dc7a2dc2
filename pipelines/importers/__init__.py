"""Answers that were recorded elsewhere, made into plans and attempts: one file a subject."""
