"""Two models of one wave: how alike they answered, their rates paired by prompt, and where they differ most."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dashboards.comparing.batteries import capabilities
from dashboards.comparing.moves import most_moved
from dashboards.comparing.rates import Pairing, compared_rates
from dashboards.comparing.records import Comparison, Operand, Similarity, Unmatched
from dashboards.comparing.sentences import pair_finding
from dashboards.comparing.turning import turned
from dashboards.comparing.unmatched import standing, unmatched_prompts
from lake.catalog import quoted

if TYPE_CHECKING:
    import duckdb

COLUMNS = ("convergence", "ci_low", "ci_high", "n_prompts", "match", "chance", "ceiling", "reason")


def compare_models(connection: duckdb.DuckDBPyConnection, a: Operand, b: Operand, prompts: int) -> Comparison:
    """Return the comparison of two models of a wave; a model with itself differs nowhere."""
    first, second = sorted((a, b), key=lambda side: side.name)
    found = _forward(connection, first, second, prompts)
    found = found if (first, second) == (a, b) else turned(found)
    return replace(found, finding=pair_finding(a.name, b.name, found.similarity))


def _forward(connection: duckdb.DuckDBPyConnection, a: Operand, b: Operand, prompts: int) -> Comparison:
    from models_sql.cut import Cut, CutWave

    wave_id = a.wave_id
    stand = standing(connection, wave_id)
    pairing = Pairing(f"{a.name} and {b.name}", wave_id, a.name, wave_id, b.name)
    cut = Cut(connection, [CutWave(wave_id, wave_id, wave_id.split("/", 1)[0])])
    moves = most_moved(cut, [pairing], prompts, named=False)
    withheld = [
        Unmatched(side.name, None, name, reason)
        for name, side in (("A", a), ("B", b))
        if (reason := stand[side.name]) is not None
    ]
    return Comparison(
        kind="models",
        a=a,
        b=b,
        finding="",
        similarity=_pair(connection, a, b, withheld),
        rates=tuple(compared_rates(connection, [pairing], by_label=False)),
        unmatched=(*withheld, *unmatched_prompts(connection, [pairing])),
        notes=(f"Observed in {wave_id}.",),
        **moves._asdict(),
    )


def _pair(
    connection: duckdb.DuckDBPyConnection, a: Operand, b: Operand, withheld: list[Unmatched]
) -> tuple[Similarity, ...]:
    """Return the pair's rows of out.convergence_by_pair, overall first; nulls with a reason where it has none."""
    rows: dict[tuple[str, str], dict[str, Any]] = {
        tuple(row[:2]): dict(zip(COLUMNS, row[2:], strict=True))
        for row in connection.execute(
            f"SELECT capability, kernel, {', '.join(COLUMNS)} FROM out.convergence_by_pair "
            f"WHERE wave_id = {quoted(a.wave_id)} "
            f"AND model_a = {quoted(min(a.name, b.name))} AND model_b = {quoted(max(a.name, b.name))}"
        ).fetchall()
    }
    found = []
    for capability in ("overall", *capabilities(connection, a.wave_id)):
        for kernel in ("combined", "semantic", "distributional"):
            row = rows.get((capability, kernel), dict.fromkeys(COLUMNS))
            found.append(
                Similarity(
                    quantity="pair",
                    capability=capability,
                    kernel=kernel,
                    value=row["convergence"],
                    ci_low=row["ci_low"],
                    ci_high=row["ci_high"],
                    n_models=2,
                    n_prompts=row["n_prompts"],
                    match=row["match"],
                    chance=row["chance"],
                    ceiling=row["ceiling"],
                    reason=_reason(a, b, withheld, row),
                )
            )
    return tuple(found)


def _reason(a: Operand, b: Operand, withheld: list[Unmatched], row: dict[str, Any]) -> str | None:
    if a.name == b.name:
        return "a model is no pair with itself"
    if row["convergence"] is None and withheld:
        return "; ".join(f"{lacking.model}: {lacking.reason}" for lacking in withheld)
    if row["n_prompts"] is None:
        return "the two share fewer than 5 prompts that this kernel can compare"
    if row["convergence"] is None:
        return row["reason"] or "no number was published"
    return "no interval of a single pair is published" if row["ci_low"] is None else None
