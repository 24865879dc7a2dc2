"""A panel that is asked over HTTP: four models, twelve prompts, two samples, at the local OpenRouter."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from lake.catalog import connect_reader
from lake.store import Store
from pipelines.panels.battery_files import content_sha, prompts_of
from pipelines.panels.records import CAPABILITIES
from pipelines.panels.schema import BatteryFile
from tests.flows.conftest import Nights

SERVER = Path(__file__).parents[1] / "pipelines" / "asking" / "openrouter_server.py"
KEY_ENV = "DRIFTLAKE_TEST_KEY"
KEY = "sk-or-v1-5e1fc0ffee5e1fc0ffee5e1fc0ffee5e1fc0ffee"
MODELS = ("maker/steady", "maker/faulty", "maker/odd", "maker/gone")
PROMPTS, SAMPLES = 12, 2
CELLS_A_MODEL = PROMPTS * SAMPLES


@dataclass
class LocalOpenRouter:
    """The server process as a night sees it."""

    address: str

    def control(self, **settings: Any) -> None:
        """Start new books and set what is answered; every model of the panel is in the catalogue unless said."""
        listed = {"catalogue": [catalogue_entry(model) for model in MODELS]} | settings
        httpx.post(f"{self.address}/control", json=listed, trust_env=False, timeout=30).raise_for_status()

    def books(self) -> dict[str, Any]:
        """Return what was called and charged since the last control."""
        return dict(httpx.get(f"{self.address}/books", trust_env=False, timeout=30).json())


@contextmanager
def local_openrouter() -> Iterator[LocalOpenRouter]:
    """Serve on loopback, in a process of its own."""
    with subprocess.Popen([sys.executable, str(SERVER)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield LocalOpenRouter(f"http://127.0.0.1:{process.stdout.readline().strip()}")
        process.kill()


def catalogue_entry(model: str, **changes: Any) -> dict[str, Any]:
    """Return a model as the catalogue lists it, at the prices that the server charges."""
    price = {"prompt": "0.000001", "completion": "0.000004"}
    return {
        "id": model,
        "canonical_slug": f"{model}-2026",
        "name": model,
        "context_length": 32_000,
        "pricing": price,
        "supported_parameters": ["temperature", "max_tokens", "seed"],
    } | changes


def asked_panel(folder: Path, address: str, name: str = "asked", **changes: Any) -> Nights:
    """Return an empty store and a panel of four models that are asked at an address; `changes` replace its keys."""
    battery = folder / "battery.yaml"
    battery.parent.mkdir(parents=True, exist_ok=True)
    battery.write_text(yaml.safe_dump(_battery()))
    panel = folder / f"{name}.yaml"
    endpoint = {"kind": "openai_compatible", "flavor": "openrouter", "base_url": f"{address}/v1", "key_env": KEY_ENV}
    content = {
        "panel": name,
        "battery": str(battery),
        "samples": SAMPLES,
        "seed": 1,
        "budget_usd": 1.0,
        "defaults": {"endpoint": "openrouter", "settings": {"temperature": 1.0, "max_tokens": 100}},
        "endpoints": {"openrouter": endpoint},
        "roster": [{"model": model} for model in MODELS],
    }
    panel.write_text(yaml.safe_dump(content | changes))
    store = Store(folder / "store")
    return Nights(store, panel, {KEY_ENV: KEY})


def rows(store: Store, query: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query over the head of the lake."""
    connection = connect_reader(store, "head")
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def _battery() -> dict[str, Any]:
    prompts = [
        {
            "id": f"p{number:02d}",
            "capability": CAPABILITIES[number % 2],
            "family": "facts",
            "expected_behavior": "answers",
            "text": f"What is to be said of the number {number}?",
        }
        for number in range(PROMPTS)
    ]
    content = {"battery": "twelve", "version": "1", "sha": None, "declared": PROMPTS, "prompts": prompts}
    return content | {"sha": content_sha(prompts_of(BatteryFile(**content)))}
