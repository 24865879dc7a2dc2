"""What one side has and a comparison leaves out, and why: models that do not count, prompts without a usable answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dashboards.comparing.rates import Pairing
from dashboards.comparing.records import Unmatched
from lake.catalog import quoted

if TYPE_CHECKING:
    import duckdb

NOT_ASKED = "not asked"
CANARY = "a canary takes no part in convergence"


def standing(connection: duckdb.DuckDBPyConnection, wave_id: str) -> dict[str, str | None]:
    """Return every model of a wave with why convergence does not count it; null where it does."""
    return dict(
        connection.execute(
            "SELECT model_requested, CASE "
            f"WHEN purpose = 'canary' THEN {quoted(CANARY)} "
            "WHEN is_withheld THEN 'withheld: ' || withheld_reason END "
            f"FROM core.model_waves WHERE wave_id = {quoted(wave_id)} ORDER BY ALL"
        ).fetchall()
    )


def unmatched_models(a: dict[str, str | None], b: dict[str, str | None]) -> list[Unmatched]:
    """Return the models that count in one wave only or in none, canaries of both waves left out."""
    found = []
    for model in sorted(a.keys() | b.keys()):
        lacks = {side: of.get(model, NOT_ASKED) for side, of in (("A", a), ("B", b))}
        reasons = {side: reason for side, reason in lacks.items() if reason is not None}
        if not reasons or set(lacks.values()) == {CANARY}:
            continue
        if len(reasons) == 2 and len(set(reasons.values())) == 1:
            found.append(Unmatched(model, None, "both", reasons["A"]))
        else:
            found += [Unmatched(model, None, side, reason) for side, reason in reasons.items()]
    return found


def unmatched_prompts(connection: duckdb.DuckDBPyConnection, pairings: Sequence[Pairing]) -> list[Unmatched]:
    """Return the prompts that the counted pairings answered on one side only, with the state of the other side's cells.

    One row with model null where every pairing lacks the prompt on that side for one reason.
    """
    counted = [pairing for pairing in pairings if pairing.is_counted]
    if not counted:
        return []
    rows = ", ".join(f"({', '.join(map(quoted, pairing[:5]))})" for pairing in counted)
    found = connection.execute(
        f"""
        WITH pairings (label, wave_a, model_a, wave_b, model_b) AS (VALUES {rows}),
        sides AS (
            SELECT label, 'A' AS side, wave_a AS wave_id, model_a AS model FROM pairings
            UNION ALL
            SELECT label, 'B', wave_b, model_b FROM pairings
        ),
        prompts AS (
            SELECT
                label, prompt_id, side,
                bool_or(state = 'ok') AS is_answered,
                string_agg(DISTINCT state, ', ' ORDER BY state) AS states
            FROM sides
            JOIN core.cells AS cells ON cells.wave_id = sides.wave_id AND model_requested = model
            WHERE purpose IN ('measure', 'canary')
            GROUP BY label, prompt_id, side
        ),
        both_sides AS (
            SELECT
                label, prompt_id,
                coalesce(bool_or(is_answered) FILTER (side = 'A'), false) AS in_a,
                coalesce(bool_or(is_answered) FILTER (side = 'B'), false) AS in_b,
                coalesce(any_value(states) FILTER (side = 'A'), '{NOT_ASKED}') AS states_a,
                coalesce(any_value(states) FILTER (side = 'B'), '{NOT_ASKED}') AS states_b
            FROM prompts GROUP BY label, prompt_id
        )
        SELECT prompt_id, if(in_a, 'B', 'A') AS side, if(in_a, states_b, states_a) AS reason, list(label ORDER BY label)
        FROM both_sides
        WHERE in_a <> in_b
        GROUP BY ALL ORDER BY ALL
        """
    ).fetchall()
    rows_found = []
    for prompt_id, side, reason, labels in found:
        whole = len(labels) == len(counted)
        rows_found += [Unmatched(label, prompt_id, side, reason) for label in ([None] if whole else labels)]
    return rows_found
