"""Two waves, two models or two groups side by side: matched differences with intervals, and what is behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lake.catalog import connect_reader

if TYPE_CHECKING:
    from dashboards.comparing.records import Comparison
    from lake.store import Store

PROMPTS = 10
"""Prompts shown with both answers."""


def compare(
    store: Store,
    a: str,
    b: str,
    *,
    panel: str | None = None,
    wave: str | None = None,
    at: str | None = None,
    prompts: int = PROMPTS,
) -> Comparison:
    """Return the comparison of what two names stand for, in the last publication or `at` another point. Read only.

    Raises InputError for names that fit nothing or do not fit together, and NoLakeError where there is no lake.
    """
    from dashboards.comparing.groups import compare_groups
    from dashboards.comparing.models import compare_models
    from dashboards.comparing.operands import find_operands
    from dashboards.comparing.waves import compare_waves

    connection = connect_reader(store, at)
    try:
        found_a, found_b = find_operands(connection, (a, b), panel, wave)
        if found_a.kind == "wave":
            return compare_waves(connection, found_a, found_b, prompts)
        if found_a.kind == "model":
            return compare_models(connection, found_a, found_b, prompts)
        return compare_groups(connection, found_a, found_b)
    finally:
        connection.close()
