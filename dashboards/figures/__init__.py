"""The figures of a page: one module a figure, each a function from a reading to a Figure."""
