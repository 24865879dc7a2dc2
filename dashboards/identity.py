"""What changed between two identities of a model: the served names, providers and fingerprints of two waves."""

from __future__ import annotations

import json
from collections.abc import Iterator

from dashboards.wording import inert, listed

_NAMES = {"model_served": "served model", "provider_served": "provider"}
_PART_LENGTH = 40


def change(then: str | None, now: str | None) -> list[str]:
    """Return what differs, one entry a property: 'adapter 3f2a… became 9c01…'. Empty where nothing is known to differ.

    Both arguments are core.model_waves.identity: a JSON list of objects with model_served,
    provider_served and system_fingerprint, one a distinct combination; null without an answer.
    """
    before, after = _properties(then), _properties(now)
    return [
        f"{name} {_values(before.get(name, set()) - after.get(name, set()))} became "
        f"{_values(after.get(name, set()) - before.get(name, set()))}"
        for name in sorted(before.keys() | after.keys(), key=_order)
        if before.get(name, set()) != after.get(name, set())
    ]


def _properties(identity: str | None) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, value in _flat(identity):
        found.setdefault(name, set()).add(value)
    return found


def _flat(identity: str | None) -> Iterator[tuple[str, str]]:
    for entry in json.loads(identity or "[]"):
        for key, value in entry.items():
            if value is not None and key == "system_fingerprint":
                yield from _fingerprint_parts(str(value))
            elif value is not None:
                yield _NAMES.get(key, key), str(value)


def _fingerprint_parts(fingerprint: str) -> Iterator[tuple[str, str]]:
    """Yield the parts of base:…+adapter:…+template:… under their own names; a foreign fingerprint whole."""
    parts = [part.partition(":") for part in fingerprint.split("+")]
    if all(separator and name.isidentifier() for name, separator, _ in parts):
        yield from ((name, value) for name, _, value in parts)
    else:
        yield "fingerprint", fingerprint


def _values(values: set[str]) -> str:
    cut = [value if len(value) <= _PART_LENGTH else value[:_PART_LENGTH] + "…" for value in map(inert, values)]
    return listed(sorted(cut), 3) or "none"


def _order(name: str) -> tuple[int, str]:
    known = ("served model", "provider", "base", "adapter", "template", "fingerprint")
    return (known.index(name) if name in known else len(known), name)
