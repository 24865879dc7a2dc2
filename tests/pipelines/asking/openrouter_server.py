"""Starts the local OpenRouter: `python openrouter_server.py` prints its port and serves until killed.

What it can be told and what it tells stands in openrouter/server.py.
"""

from __future__ import annotations

import asyncio

from openrouter.server import main

if __name__ == "__main__":
    asyncio.run(main())
