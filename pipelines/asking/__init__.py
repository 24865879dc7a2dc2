"""Asking: planned cells in, typed attempts out, every one of them on disk before anything else happens."""
