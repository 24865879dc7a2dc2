"""A panel asked with another number of samples a prompt."""

from __future__ import annotations

from dataclasses import replace

from pipelines.panels.records import Panel, sha256_of


def with_samples(panel: Panel, samples: int | None) -> Panel:
    """Return the panel with `samples` a prompt (None: as it is); its sha changes, since other cells are planned."""
    if samples is None or samples == panel.samples:
        return panel
    declared = {**panel.declared, "samples": samples}
    return replace(panel, samples=samples, declared=declared, sha=sha256_of(declared))
