"""Which prompts moved most between two sides: the kernel of the models, over all samples of each prompt."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from dashboards.comparing.rates import Pairing
from dashboards.comparing.records import Moved
from lake.catalog import quoted

if TYPE_CHECKING:
    from models_sql.cut import Cut


class Moves(NamedTuple):
    """The prompts that moved most, what ranked them, and how many of them there are in all."""

    moved: tuple[Moved, ...]
    ranked_by: str | None
    n_compared: int
    n_changed: int
    n_incomparable: int


def most_moved(cut: Cut, pairings: Sequence[Pairing], most: int, *, named: bool) -> Moves:
    """Return up to `most` prompts by how far their answers moved, ties by model and prompt_id.

    Both sides of the pairings lie in the cut, under its names. Prompts with the same texts on both sides, in any order
    of the samples, did not move. Ranked by shift where a prompt has two samples on both sides, else by distance.
    A prompt that the combined kernel cannot read (an answer under 5 tokens, or without embedding) is counted as
    incomparable. `named`: the records carry the pairing's label as their model.
    """
    counted = [pairing for pairing in pairings if pairing.is_counted]
    if not counted:
        return Moves((), None, 0, 0, 0)
    _place_samples(cut, counted)
    connection = cut.connection
    row = connection.execute(
        "SELECT count(*), count(*) FILTER (is_changed), count(*) FILTER (is_changed AND distance IS NULL), "
        "count(shift) FILTER (is_changed AND distance IS NOT NULL) FROM cut.moves"
    ).fetchone()
    n_compared, n_changed, n_incomparable, n_shifts = row or (0, 0, 0, 0)
    ranked_by = "shift" if n_shifts else "distance"
    waves = ", ".join(sorted({quoted(wave) for pairing in counted for wave in (pairing.wave_a, pairing.wave_b)}))
    rows = connection.execute(
        f"""
        SELECT label, capability, prompt_id, messages, distance, within, shift, n_a, n_b, answer_a, answer_b
        FROM cut.moves
        LEFT JOIN (
            SELECT prompt_id, min(messages) AS messages FROM {cut.source("raw", "prompts")}
            WHERE wave_id IN ({waves}) GROUP BY prompt_id
        ) USING (prompt_id)
        WHERE is_changed AND distance IS NOT NULL
        ORDER BY {ranked_by} DESC NULLS LAST, distance DESC, label, prompt_id
        LIMIT {int(most)}
        """
    ).fetchall()
    moved = tuple(
        Moved(label if named else None, capability, prompt_id, _question(messages), *sizes_and_answers)
        for label, capability, prompt_id, messages, *sizes_and_answers in rows
    )
    return Moves(moved, ranked_by if moved else None, n_compared, n_changed, n_incomparable)


def _place_samples(cut: Cut, pairings: Sequence[Pairing]) -> None:
    """Build cut.moves, a row a pairing and prompt answered on both sides, by the model drift_text_kernels."""
    for name in ("responses", "texts"):
        cut.build(name)
    rows = ", ".join(f"({n}, {', '.join(map(quoted, pairing[:5]))})" for n, pairing in enumerate(pairings))
    cut.replace(
        "move_samples",
        f"""
        WITH pairings (comparison_key, label, wave_a, model_a, wave_b, model_b) AS (VALUES {rows}),
        sides AS (
            SELECT comparison_key, label, 0 AS side, wave_a AS wave_id, model_a AS model FROM pairings
            UNION ALL
            SELECT comparison_key, label, 1, wave_b, model_b FROM pairings
        ),
        answers AS (
            SELECT DISTINCT comparison_key, label, side, capability, prompt_id, sample_index, response_text, text_key
            FROM sides
            JOIN cut.responses AS responses ON responses.wave_id = sides.wave_id AND model_requested = model
            JOIN cut.texts USING (text_sha)
            WHERE purpose IN ('measure', 'canary')
        )
        SELECT *, row_number() OVER (PARTITION BY comparison_key, prompt_id ORDER BY side, sample_index) - 1 AS place
        FROM answers
        """,
    )
    cut.replace("drift_samples", "SELECT comparison_key, prompt_id, place, text_key FROM cut.move_samples")
    cut.built.discard("drift_text_kernels")
    cut.build("drift_text_kernels")
    cut.replace("moves", _MOVES)


# Rounded to 12 places: sums of the same numbers in another order differ in the 16th.
_MOVES = """
WITH kernels AS (
    SELECT
        a.comparison_key, a.prompt_id, a.side AS side_a, b.side AS side_b, a.place AS place_a, b.place AS place_b,
        0.4 * kernels.semantic + 0.6 * kernels.distributional AS kernel
    FROM cut.move_samples AS a
    JOIN cut.move_samples AS b
        ON a.comparison_key = b.comparison_key AND a.prompt_id = b.prompt_id AND a.place < b.place
    JOIN cut.drift_text_kernels AS kernels
        ON least(a.text_key, b.text_key) = kernels.text_a AND greatest(a.text_key, b.text_key) = kernels.text_b
),
means AS (
    SELECT
        comparison_key, prompt_id,
        avg(kernel ORDER BY place_a, place_b) FILTER (side_a <> side_b) AS between_sides,
        avg(kernel ORDER BY place_a, place_b) FILTER (side_a = 0 AND side_b = 0) AS within_a,
        avg(kernel ORDER BY place_a, place_b) FILTER (side_a = 1 AND side_b = 1) AS within_b
    FROM kernels GROUP BY comparison_key, prompt_id
),
prompts AS (
    SELECT
        comparison_key, prompt_id, any_value(label) AS label, any_value(capability) AS capability,
        count(*) FILTER (side = 0) AS n_a, count(*) FILTER (side = 1) AS n_b,
        first(response_text ORDER BY sample_index) FILTER (side = 0) AS answer_a,
        first(response_text ORDER BY sample_index) FILTER (side = 1) AS answer_b,
        list(text_key ORDER BY text_key) FILTER (side = 0)
        <> list(text_key ORDER BY text_key) FILTER (side = 1) AS is_changed
    FROM cut.move_samples GROUP BY comparison_key, prompt_id
)
SELECT
    prompts.*,
    round(1 - between_sides, 12) AS distance,
    round(1 - (within_a + within_b) / 2, 12) AS within,
    round((within_a + within_b) / 2 - between_sides, 12) AS shift
FROM prompts LEFT JOIN means USING (comparison_key, prompt_id)
WHERE n_a > 0 AND n_b > 0
"""


def _question(messages: str | None) -> str | None:
    """Return the last thing the user said of a prompt's conversation; null where it cannot be read."""
    try:
        said = [turn["content"] for turn in json.loads(messages or "[]") if turn.get("role") == "user"]
    except (ValueError, TypeError, AttributeError, KeyError):
        return None
    return str(said[-1]) if said else None
