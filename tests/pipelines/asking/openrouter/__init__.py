"""A local OpenRouter for tests: a real HTTP server on loopback, run as a process of its own (openrouter_server.py)."""
