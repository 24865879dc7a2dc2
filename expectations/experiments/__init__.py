"""Breaks of persona experiments: what training, merging and evaluating can get wrong."""
