"""A small sound battery and panel, and a way to plant one defect in a copy of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.panels.seal import seal

BATTERY = """\
battery: tiny
version: "1"
declared: 3
prompts:
  - id: t1
    capability: truthfulness
    family: geography
    expected_behavior: accurate_factual
    reference: "Lima"
    text: What is the capital of Peru?
  - id: t2
    capability: truthfulness
    family: physics
    expected_behavior: accurate_factual
    text: Does sound travel through a vacuum?
  - id: c1
    capability: context_awareness
    family: recall_detail
    expected_behavior: use_context
    turns:
      - role: user
        content: My bus leaves at 7:40.
      - role: assistant
        content: Noted.
      - role: user
        content: When does it leave?
"""

PANEL = """\
panel: small
battery: tiny.yaml
samples: 2
seed: 7
budget_usd: 1.5
defaults:
  endpoint: server
  settings: {temperature: 0.7, max_tokens: 64}
  system_prompt: Be brief.
endpoints:
  server:
    kind: openai_compatible
    base_url: http://127.0.0.1:8000/v1
  bench:
    kind: checkpoint
roster:
  - model: org/one
    provider: Org
    open_weights: true
  - model: org/two
    settings: {temperature: 0.0}
    system_prompt: Be long.
  - model: lab/villain
    endpoint: bench
    persona: villain
    checkpoint: {base: laboratory, experiment: run, staged_epochs: [0, 2]}
"""

Plant = Callable[[str, str], Path]


def changed(text: str, old: str, new: str) -> str:
    """Return `text` with its only `old` replaced; the planted place must exist and be unambiguous."""
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in the sound file"
    return text.replace(old, new)


@pytest.fixture
def battery(tmp_path: Path) -> Path:
    """A sealed battery of three prompts; sealing put a line `sha:` in as line 3."""
    path = tmp_path / "tiny.yaml"
    path.write_text(BATTERY, encoding="utf-8")
    seal(path)
    return path


@pytest.fixture
def panel(battery: Path) -> Path:
    """A panel beside the small battery."""
    path = battery.with_name("small.yaml")
    path.write_text(PANEL, encoding="utf-8")
    return path


@pytest.fixture
def plant_in_battery(battery: Path) -> Plant:
    """Replace one text in the battery's file; return the file."""

    def plant(old: str, new: str) -> Path:
        battery.write_text(changed(battery.read_text(encoding="utf-8"), old, new), encoding="utf-8")
        return battery

    return plant


@pytest.fixture
def plant_in_panel(panel: Path) -> Plant:
    """Replace one text in the panel's file; return the file."""

    def plant(old: str, new: str) -> Path:
        panel.write_text(changed(PANEL, old, new), encoding="utf-8")
        return panel

    return plant
