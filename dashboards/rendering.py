"""How a page becomes HTML and a file: templates with every text escaped, files written whole or not at all."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from lake.errors import StoreError

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"


def render_template(name: str, **values: object) -> str:
    """Return a template of dashboards/templates as HTML; `style` is given to each."""
    style = (TEMPLATES / "page.css").read_text(encoding="utf-8")
    return _environment().get_template(name).render(style=style, **values)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def write_whole(path: Path, text: str) -> None:
    """Write a page whole or not at all: readers see the old one until the new one is complete."""
    unfinished = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            unfinished.write_text(text, encoding="utf-8")
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(
            f"The page {path} cannot be written ({error.strerror}). Make the folder writable or free some space, "
            "then run the same command again."
        ) from error
