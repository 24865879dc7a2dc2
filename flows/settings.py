"""Settings: flags first, then DRIFTLAKE_* variables, then driftlake.toml in the working folder.

Secrets are never settings: an endpoint's key is read from the variable its panel names.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from lake.errors import InputError
from lake.store import Store, open_store

FILE = Path("driftlake.toml")
NAMES = ("home", "panel", "samples", "budget", "cron", "escalate_from", "top")
TOP = 8
"""Models that an escalation takes, as the published third level did."""


@dataclass(frozen=True)
class Settings:
    """What a command runs with, resolved."""

    store: Store
    panel: str
    samples: int | None
    budget_usd: float | None
    cron: str
    allow_unpriced: bool = False
    escalate_from: str | None = None
    top: int = TOP


def resolve(
    panel: str | None = None,
    samples: int | None = None,
    budget: float | None = None,
    cron: str | None = None,
    allow_unpriced: bool = False,
    escalate_from: str | None = None,
    top: int | None = None,
) -> Settings:
    """Return the settings in force; raise InputError naming the setting and where it came from."""
    declared = _from_file()
    given = {"panel": panel, "samples": samples, "budget": budget, "cron": cron}
    given |= {"escalate_from": escalate_from, "top": top}
    values = {
        name: _first(given.get(name), os.environ.get(f"DRIFTLAKE_{name.upper()}"), declared.get(name)) for name in NAMES
    }
    if values["top"] is not None and values["escalate_from"] is None:
        raise InputError("--top says how many models --escalate-from takes, and that is not given. Give both, or none.")
    return Settings(
        store=open_store(values["home"]),
        panel=str(values["panel"] or "local"),
        samples=_number("samples", values["samples"], int, 1),
        budget_usd=_number("budget", values["budget"], float, 0),
        cron=str(values["cron"] or "0 2 * * *"),
        allow_unpriced=allow_unpriced,
        escalate_from=None if values["escalate_from"] is None else str(values["escalate_from"]),
        top=TOP if values["top"] is None else _number("top", values["top"], int, 2),
    )


def _first(*values: Any) -> Any:
    return next((value for value in values if value not in (None, "")), None)


def _number(name: str, value: Any, kind: type[Any], least: float) -> Any:
    if value is None:
        return None
    try:
        number = kind(value)
    except (TypeError, ValueError):
        number = None
    if number is None or not number >= least or number == float("inf"):
        raise InputError(
            f"{name} must be a number of at least {least}, not {value!r}. Change --{name} or DRIFTLAKE_{name.upper()}."
        )
    return number


def _from_file() -> dict[str, Any]:
    if not FILE.is_file():
        return {}
    try:
        declared = tomllib.loads(FILE.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, OSError, UnicodeDecodeError) as error:
        raise InputError(f"{FILE.resolve()} cannot be read: {error}. Mend it or move it away.") from error
    for name in declared:
        if name not in NAMES:
            close = get_close_matches(name, NAMES, 1)
            hint = f"Did you mean {close[0]!r}?" if close else f"Known: {', '.join(NAMES)}."
            raise InputError(f"{FILE.resolve()}: unknown setting {name!r}. {hint}")
    return declared
