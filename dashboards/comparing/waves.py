"""Two waves: change of convergence, drift by model with its cause, rates, and the prompts behind it.

Convergence and drift are out.convergence_change and out.drift_by_model, built over these two waves alone
(models_sql.cut): where the lake has the same comparison, the digits are the same. The earlier wave is the reference;
asked for the other way round, the same numbers come back with their signs turned.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dashboards.comparing.moves import most_moved
from dashboards.comparing.rates import Pairing, compared_rates
from dashboards.comparing.records import Comparison, Drift, Operand, Similarity
from dashboards.comparing.sentences import change_finding, drift_finding
from dashboards.comparing.turning import turned
from dashboards.comparing.unmatched import standing, unmatched_models, unmatched_prompts
from lake.catalog import quoted
from lake.errors import InputError

if TYPE_CHECKING:
    import duckdb

    from models_sql.cut import Cut

KERNELS = ("combined", "semantic", "distributional")
AGAIN = " (again)"
"""What a wave is called in the cut where it is compared with itself."""


def compare_waves(connection: duckdb.DuckDBPyConnection, a: Operand, b: Operand, prompts: int) -> Comparison:
    """Return the comparison of two waves of one battery. Raises InputError where the batteries differ."""
    facts = _facts(connection, a, b)
    then, now = sorted((a, b), key=lambda side: (facts[side.wave_id]["wave_date"], side.wave_id))
    found = _forward(connection, then, now, prompts)
    found = found if (then, now) == (a, b) else turned(found)
    finding = f"{change_finding(found.similarity)} {drift_finding(found.drift)}".strip()
    return replace(found, finding=finding, notes=_notes(facts[a.wave_id], facts[b.wave_id]))


def _facts(connection: duckdb.DuckDBPyConnection, a: Operand, b: Operand) -> dict[str, dict[str, Any]]:
    names = ("wave_id", "panel", "wave_date", "wave_kind", "battery_sha")
    rows = connection.execute(
        f"SELECT {', '.join(names)} FROM core.waves WHERE wave_id IN ({quoted(a.wave_id)}, {quoted(b.wave_id)})"
    ).fetchall()
    facts = {row[0]: dict(zip(names, row, strict=True)) for row in rows}
    shas = [facts[side.wave_id]["battery_sha"] for side in (a, b)]
    if shas[0] != shas[1]:
        raise InputError(
            f"{a.wave_id} and {b.wave_id} asked different batteries (SHA-256 {shas[0]} and {shas[1]}): answers to "
            "different questions cannot be compared. Choose two waves of one battery: "
            'driftlake sql "select wave_id, battery_sha from core.waves"'
        )
    return facts


def _notes(a: dict[str, Any], b: dict[str, Any]) -> tuple[str, ...]:
    notes = [] if a["wave_id"] != b["wave_id"] else ["A and B are the same wave."]
    if a["panel"] != b["panel"]:
        notes.append(f"The waves are of different panels, {a['panel']} and {b['panel']}, with the same battery.")
    if a["wave_kind"] != b["wave_kind"]:
        notes.append(f"A is {a['wave_kind']}, B is {b['wave_kind']}.")
    return tuple(notes)


def _forward(connection: duckdb.DuckDBPyConnection, then: Operand, now: Operand, prompts: int) -> Comparison:
    """Return the comparison with the reference first; finding and notes are not yet written."""
    from models_sql.cut import Cut, CutWave

    now_name = now.wave_id if now.wave_id != then.wave_id else now.wave_id + AGAIN
    panel = then.wave_id.split("/", 1)[0]
    cut = Cut(connection, [CutWave(then.wave_id, then.wave_id, panel), CutWave(now.wave_id, now_name, panel)])
    standing_then, standing_now = (standing(connection, side.wave_id) for side in (then, now))
    pairings = [
        Pairing(
            model,
            then.wave_id,
            model,
            now.wave_id,
            model,
            standing_then[model] is None and standing_now[model] is None,
        )
        for model in standing_then
        if model in standing_now
    ]
    similarity = _changes(cut, then.wave_id, now_name, sum(pairing.is_counted for pairing in pairings))
    drift = _drift(cut, then.wave_id, now_name)
    in_cut = [pairing._replace(wave_b=now_name, is_counted=_drifts(pairing.label, drift)) for pairing in pairings]
    moves = most_moved(cut, in_cut, prompts, named=True)
    lacking = [*unmatched_models(standing_then, standing_now), *unmatched_prompts(connection, pairings)]
    return Comparison(
        kind="waves",
        a=then,
        b=now,
        finding="",
        similarity=similarity,
        drift=drift,
        rates=tuple(compared_rates(connection, pairings, by_label=True)),
        unmatched=tuple(lacking),
        **moves._asdict(),
    )


def _drifts(model: str, drift: tuple[Drift, ...]) -> bool:
    return any(row.model == model for row in drift)


def _changes(cut: Cut, then: str, now: str, n_models: int) -> tuple[Similarity, ...]:
    """Return the change under every kernel, overall first, then by capability."""
    table = cut.build("convergence_change")
    rows = {
        tuple(row[:2]): row[2:]
        for row in cut.connection.execute(
            "SELECT capability, kernel, change, ci_low, ci_high, n_models, n_prompts, reference_convergence, "
            f"convergence FROM {table} WHERE wave_id = {quoted(now)} AND reference = {quoted(then)} "
            "AND reference_kind = 'previous'"
        ).fetchall()
    }
    capabilities = cut.connection.execute(
        f"SELECT DISTINCT capability FROM {cut.build('battery_prompts')} ORDER BY ALL"
    ).fetchall()
    found = []
    for capability in ("overall", *(row[0] for row in capabilities)):
        for kernel in KERNELS:
            row = rows.get((capability, kernel))
            change, low, high, models, prompts, before, after = row or (None, None, None, n_models, None, None, None)
            has_parts = any(own == kernel and part != "overall" for part, own in rows)
            found.append(
                Similarity(
                    quantity="change",
                    capability=capability,
                    kernel=kernel,
                    value=change,
                    ci_low=low,
                    ci_high=high,
                    n_models=models,
                    n_prompts=prompts,
                    value_a=before,
                    value_b=after,
                    reason=_reason(change, low, models, capability == "overall" and has_parts),
                )
            )
    return tuple(found)


def _reason(change: float | None, low: float | None, n_models: int, has_parts: bool) -> str | None:
    if change is None and n_models < 2:
        return "fewer than 2 models counted in both waves"
    if change is None:
        return (
            "not every capability has a number in both waves"
            if has_parts
            else "no two models share 5 prompts that this kernel can compare"
        )
    return "an interval needs 3 models" if low is None else None


def _drift(cut: Cut, then: str, now: str) -> tuple[Drift, ...]:
    table = cut.build("drift_by_model")
    rows = cut.connection.execute(
        "SELECT model, capability, kernel, method, drift, noise, p_value, p_adjusted, is_alarm, cause, changed_share, "
        f"n_prompts FROM {table} "
        f"WHERE wave_id = {quoted(now)} AND reference = {quoted(then)} AND reference_kind = 'previous' "
        "ORDER BY model, capability <> 'overall', capability, "
        "array_position(['combined', 'semantic', 'distributional'], kernel)"
    ).fetchall()
    return tuple(replace(drift, reason=_no_test(drift.method, drift.cause)) for drift in (Drift(*row) for row in rows))


def _no_test(method: str | None, cause: str | None) -> str | None:
    if cause == "configuration":
        return "settings, system prompt or prompts changed: not drift"
    return "a test needs 2 samples a prompt in both waves" if method == "distance" else None
