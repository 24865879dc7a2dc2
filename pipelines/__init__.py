"""How facts get in: panels, asking, checkpoints, loading and enrichment."""
