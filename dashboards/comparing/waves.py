"""Two waves: change of convergence, drift by model with its cause, rates, and the prompts behind it.

Convergence and drift are rows of out.convergence_change and out.drift_by_model where the lake compares these two waves;
of any other two the same models are built over them alone (models_sql.cut), and give the same digits. The earlier
wave is the reference; asked for the other way round, the same numbers come back with their signs turned.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from dashboards.comparing.batteries import WaveFacts, capabilities, facts_of, require_one_battery
from dashboards.comparing.moves import most_moved
from dashboards.comparing.rates import Pairing, compared_rates
from dashboards.comparing.records import Comparison, Drift, Operand, Similarity
from dashboards.comparing.sentences import change_finding, drift_finding
from dashboards.comparing.turning import turned
from dashboards.comparing.unmatched import standing, unmatched_models, unmatched_prompts
from lake.catalog import quoted

if TYPE_CHECKING:
    import duckdb

    from models_sql.cut import Cut

KERNELS = ("combined", "semantic", "distributional")
AGAIN = " (again)"
"""What a wave is called in the cut where it is compared with itself."""


def compare_waves(connection: duckdb.DuckDBPyConnection, a: Operand, b: Operand, prompts: int) -> Comparison:
    """Return the comparison of two waves of one battery. Raises InputError where the batteries differ."""
    of_a, of_b = facts_of(connection, a.wave_id), facts_of(connection, b.wave_id)
    require_one_battery(of_a, of_b)
    is_forward = (of_a.wave_date, of_a.wave_id) <= (of_b.wave_date, of_b.wave_id)
    then, now = (a, b) if is_forward else (b, a)
    found = _forward(connection, then, now, prompts)
    found = found if is_forward else turned(found)
    finding = f"{change_finding(found.similarity)} {drift_finding(found.drift)}".strip()
    return replace(found, finding=finding, notes=_notes(of_a, of_b))


def _notes(a: WaveFacts, b: WaveFacts) -> tuple[str, ...]:
    notes = [] if a.wave_id != b.wave_id else ["A and B are the same wave."]
    if a.panel != b.panel:
        notes.append(f"The waves are of different panels, {a.panel} and {b.panel}, with the same battery.")
    if a.wave_kind != b.wave_kind:
        notes.append(f"A is {a.wave_kind}, B is {b.wave_kind}.")
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
    source = Source(cut, then.wave_id, now_name)
    similarity = _changes(source, sum(pairing.is_counted for pairing in pairings))
    drift = _drift(source)
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


class Source(NamedTuple):
    """Where the comparison of two waves is read: from what is published, else from the cut."""

    cut: Cut
    then: str
    now: str

    def rows(self, table: str, other_kind: str) -> str:
        """Return a FROM clause with the table's rows of this comparison, each once.

        Published rows stand where all of the wave's rows of a kind (previous, or `other_kind`) have this reference and
        they are of the same models: then they were corrected for the same number of tests.
        """
        wave = f"wave_id = {quoted(self.now)}"
        for kind in ("previous", other_kind):
            condition = f"{wave} AND reference_kind = {quoted(kind)}"
            if self._is_whole(table, condition):
                return f"out.{table} WHERE {condition}"
        built = self.cut.build(table)
        return f"{built} WHERE {wave} AND reference = {quoted(self.then)} AND reference_kind = 'previous'"

    def _is_whole(self, table: str, condition: str) -> bool:
        connection = self.cut.connection
        references = connection.execute(f"SELECT DISTINCT reference FROM out.{table} WHERE {condition}").fetchall()
        if references != [(self.then,)]:
            return False
        if table != "drift_by_model":
            return True
        compared = connection.execute(
            f"SELECT DISTINCT model FROM out.{table} WHERE {condition} ORDER BY ALL"
        ).fetchall()
        in_both = connection.execute(
            "SELECT model_requested FROM core.model_waves "
            f"WHERE wave_id IN ({quoted(self.then)}, {quoted(self.now)}) AND ok_cells > 0 "
            "AND coalesce(withheld_reason, '') NOT IN ('failed verdict', 'incomplete') "
            "GROUP BY model_requested HAVING count(*) = 2 ORDER BY ALL"
        ).fetchall()
        return bool(compared == in_both)


def _changes(source: Source, n_models: int) -> tuple[Similarity, ...]:
    """Return the change under every kernel, overall first, then by capability."""
    connection = source.cut.connection
    rows = {
        tuple(row[:2]): row[2:]
        for row in connection.execute(
            "SELECT capability, kernel, change, ci_low, ci_high, n_models, n_prompts, reference_convergence, "
            f"convergence, reason FROM {source.rows('convergence_change', 'first')}"
        ).fetchall()
    }
    found = []
    for capability in ("overall", *capabilities(connection, source.then)):
        for kernel in KERNELS:
            change, low, high, models, prompts, before, after, reason = rows[capability, kernel]
            found.append(
                Similarity(
                    quantity="change",
                    capability=capability,
                    kernel=kernel,
                    value=change,
                    ci_low=low,
                    ci_high=high,
                    n_models=models or n_models,
                    n_prompts=prompts,
                    value_a=before,
                    value_b=after,
                    reason=reason or ("an interval needs 3 models" if low is None else None),
                )
            )
    return tuple(found)


def _drift(source: Source) -> tuple[Drift, ...]:
    rows = source.cut.connection.execute(
        "SELECT model, capability, kernel, method, drift, noise, p_value, p_adjusted, is_alarm, cause, changed_share, "
        f"n_prompts FROM {source.rows('drift_by_model', 'baseline')} "
        "ORDER BY model, capability <> 'overall', capability, "
        "array_position(['combined', 'semantic', 'distributional'], kernel)"
    ).fetchall()
    return tuple(replace(drift, reason=_no_test(drift.method, drift.cause)) for drift in (Drift(*row) for row in rows))


def _no_test(method: str | None, cause: str | None) -> str | None:
    if cause == "configuration":
        return "settings, system prompt or prompts changed: not drift"
    return "a test needs 2 samples a prompt in both waves" if method == "distance" else None
