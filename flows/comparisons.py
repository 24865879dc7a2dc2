"""What `driftlake compare` prints: a comparison for people, or as JSON."""

from __future__ import annotations

import json
import shutil

from dashboards.comparing import compare
from lake.errors import InputError
from lake.store import Store

FORMATS = ("text", "json")


def comparison(
    store: Store, a: str, b: str, *, panel: str | None, wave: str | None, at: str | None, form: str, prompts: int
) -> str:
    """Return the comparison in the form asked for; raise InputError for an unknown form or a number below 0."""
    from dashboards.comparing.records import as_json
    from dashboards.comparing.text import as_text

    if form not in FORMATS:
        raise InputError(f"--format {form!r} is not known. Choose one of {', '.join(FORMATS)}.")
    if prompts < 0:
        raise InputError(f"--prompts must be 0 or more, not {prompts}.")
    found = compare(store, a, b, panel=panel, wave=wave, at=at, prompts=prompts)
    if form == "json":
        return json.dumps(as_json(found), ensure_ascii=True, indent=1, allow_nan=False)
    return as_text(found, max(60, min(200, shutil.get_terminal_size((120, 24)).columns)))
