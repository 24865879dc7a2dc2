"""Rates of two sides, paired by prompt: share answered, refusals and hedges by rule, length, format classes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from math import fsum
from typing import TYPE_CHECKING, NamedTuple

from dashboards.comparing.paired import Difference, paired
from dashboards.comparing.records import Rate
from lake.catalog import quoted
from models_sql.alarms import holm

if TYPE_CHECKING:
    import duckdb

OK = "ok"
FEATURES = {
    "refusal_rule": "CAST(is_refusal_rule AS DOUBLE)",
    "hedging_rule": "CAST(is_hedging_rule AS DOUBLE)",
    "length": "CAST(n_chars AS DOUBLE)",
}
"""Rates read off core.response_features; shares of answers, length in code points."""


class Pairing(NamedTuple):
    """A model of a wave on each side, under a label; `is_counted`: its answers are compared."""

    label: str
    wave_a: str
    model_a: str
    wave_b: str
    model_b: str
    is_counted: bool = True


class _Value(NamedTuple):
    rate: str
    label: str
    prompt_id: str
    a: float
    b: float


def compared_rates(connection: duckdb.DuckDBPyConnection, pairings: Sequence[Pairing], *, by_label: bool) -> list[Rate]:
    """Return the rates of all pairings together, then, with `by_label`, those of each; p adjusted over all of them.

    `ok` is the share of planned cells with a usable answer, whether or not a verdict keeps it out, over every pairing;
    the others are shares of answers, over the counted pairings only. A prompt's value is the mean over its samples;
    together, the mean over the pairings too: the interval is over prompts, the models are taken as given. Format
    classes that occur on neither side are left out.
    """
    values = _values(connection, pairings) if pairings else []
    found: list[Rate] = []
    for rate, of_rate in groupby(values, key=lambda value: value.rate):
        group = list(of_rate)
        if rate.startswith("format_") and not any(value.a or value.b for value in group):
            continue
        labels = {value.label for value in group}
        found.append(_rate(None, rate, len(labels), _together(group)))
        if by_label:
            for label, own in groupby(group, key=lambda value: value.label):
                found.append(_rate(label, rate, 1, [(value.a, value.b) for value in own]))
    adjusted = holm([rate.p_value for rate in found])
    ranked = [replace(rate, p_adjusted=p) for rate, p in zip(found, adjusted, strict=True)]
    return sorted(ranked, key=lambda rate: (rate.model is not None, rate.model or ""))


def _together(values: Iterable[_Value]) -> list[tuple[float, float]]:
    """Return (a, b) of every prompt: the mean over the pairings that have it."""
    ordered = sorted(values, key=lambda value: (value.prompt_id, value.label))
    found = []
    for _, of_prompt in groupby(ordered, key=lambda value: value.prompt_id):
        group = list(of_prompt)
        found.append((fsum(value.a for value in group) / len(group), fsum(value.b for value in group) / len(group)))
    return found


def _rate(label: str | None, rate: str, n_models: int, pairs: list[tuple[float, float]]) -> Rate:
    # as models_sql.paired decides it: by the values, so that a rate has the interval of out.drift_of_features
    is_binary = all(value in (0.0, 1.0) for pair in pairs for value in pair)
    found: Difference = paired([a for a, _ in pairs], [b for _, b in pairs], is_binary=is_binary)
    return Rate(
        model=label,
        rate=rate,
        n_models=n_models,
        n_prompts=found.n,
        a=found.a,
        b=found.b,
        difference=found.difference,
        ci_low=found.ci_low,
        ci_high=found.ci_high,
        p_value=found.p_value,
        p_adjusted=None,
        method=found.method,
        reason=found.reason,
    )


def _values(connection: duckdb.DuckDBPyConnection, pairings: Sequence[Pairing]) -> list[_Value]:
    """Return one value a rate, pairing and prompt that has it on both sides, sorted."""
    rows = ", ".join(
        f"({', '.join(map(quoted, pairing[:5]))}, {'true' if pairing.is_counted else 'false'})" for pairing in pairings
    )
    waves = ", ".join(sorted({quoted(wave) for pairing in pairings for wave in (pairing.wave_a, pairing.wave_b)}))
    classes = [
        row[0]
        for row in connection.execute(
            f"SELECT DISTINCT format_class FROM core.response_features WHERE wave_id IN ({waves}) "
            "AND format_class IS NOT NULL ORDER BY ALL"
        ).fetchall()
    ]
    features = FEATURES | {f"format_{name}": f"CAST(format_class = {quoted(name)} AS DOUBLE)" for name in classes}
    read = ", ".join(f"{{'rate': {quoted(name)}, 'value': {sql}}}" for name, sql in features.items())
    query = f"""
        WITH pairings (label, wave_a, model_a, wave_b, model_b, is_counted) AS (VALUES {rows}),
        single AS (
            -- quarantined: usable, and kept out by a verdict
            SELECT
                wave_id, model_requested AS model, prompt_id, '{OK}' AS rate,
                CAST(state IN ('ok', 'quarantined') AS DOUBLE) AS value
            FROM core.cells WHERE wave_id IN ({waves}) AND purpose IN ('measure', 'canary')
            UNION ALL
            SELECT wave_id, model_requested, prompt_id, feature.rate, feature.value
            FROM (
                SELECT wave_id, model_requested, prompt_id, unnest([{read}]) AS feature
                FROM core.response_features WHERE wave_id IN ({waves}) AND purpose IN ('measure', 'canary')
            )
            WHERE feature.value IS NOT NULL
        ),
        by_prompt AS (
            -- shares of few samples and whole lengths: their sums are exact in any order
            SELECT wave_id, model, prompt_id, rate, sum(value) / count(*) AS value
            FROM single GROUP BY ALL
        )
        SELECT a.rate, label, a.prompt_id, a.value, b.value
        FROM pairings
        JOIN by_prompt AS a ON a.wave_id = wave_a AND a.model = model_a
        JOIN by_prompt AS b
            ON b.wave_id = wave_b AND b.model = model_b AND b.prompt_id = a.prompt_id AND b.rate = a.rate
        WHERE is_counted OR a.rate = '{OK}'
        ORDER BY a.rate = '{OK}' DESC, a.rate LIKE 'format%', a.rate, label, a.prompt_id
    """
    return [_Value(*row) for row in connection.execute(query).fetchall()]
