"""Where facts live: the DuckLake catalog, its tables, its snapshots and what readers may see."""
