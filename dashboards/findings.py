"""What a wave found, as plain sentences computed from the tables. The page and the command line print the same.

Every sentence carries its n, and an estimate its interval. Missing rows give a sentence that says so, never a 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from dashboards.identity import change
from dashboards.reading import Reading, read_newest
from dashboards.turns import turn_sentences
from dashboards.verdicts import audit_sentences, kept_out_sentences
from dashboards.wording import (
    counted,
    drift_measure,
    drift_size,
    estimate,
    inert,
    kinds,
    listed,
    night,
    no_number,
    number,
    p_value,
    share,
)

if TYPE_CHECKING:
    import duckdb

NIGHTS_TOLD = 7
ALARMS_TOLD = 10

CAUSES = {
    "identity": "the served system changed (identity)",
    "behaviour": "the same system answers differently, confirmed by a second sample the same night (behaviour)",
    "unconfirmed": "the served identity is the same and no second sample has confirmed it (unconfirmed)",
    "configuration": "our own configuration changed, which is not drift (configuration)",
}


def found(connection: duckdb.DuckDBPyConnection, panel: str) -> list[str]:
    """Return what the newest wave of a panel found, as sentences for people, most important first.

    `connection` is a reader at the publication (lake.catalog.connect_reader). Text stored by others
    is inert: no control characters.
    """
    reading = read_newest(connection, panel)
    if reading is None:
        return [f"No wave of panel {inert(panel)} is published yet."]
    return sentences(reading)


def sentences(reading: Reading) -> list[str]:
    """Return the sentences of one wave: convergence, drift, epoch 0, canary, withheld models, audit."""
    return [
        *_convergence(reading),
        *turn_sentences(reading),
        *_most_moved_pair(reading),
        *_drift(reading),
        *_canaries(reading),
        *_epoch_zero(reading),
        *_withheld(reading),
        *audit_sentences(reading),
        *kept_out_sentences(reading),
    ]


def _convergence(reading: Reading) -> list[str]:
    rows = reading.frame("convergence").filter(pl.col("kernel") == "combined").to_dicts()
    if not rows:
        return ["Convergence: not enough data."]
    told = rows[-NIGHTS_TOLD:]
    same_n = len({(row["n_models"], row["n_prompts"]) for row in told}) == 1
    earlier = f"; {counted(len(rows) - len(told), 'earlier night')} on the page" if len(rows) > len(told) else ""
    nights = "; ".join(_night_estimate(row, with_n=not same_n) for row in told)
    n = f" ({_sizes(told[-1])})" if same_n else ""
    intervals = ", 95 % interval" if any(row["ci_low"] is not None for row in told) else ""
    head = (
        f"Convergence by night (combined, 0 = chance, 1 = identical{intervals}, {kinds(r['wave_kind'] for r in told)})"
    )
    return [f"{head}: {nights}{n}{earlier}.", *_change(reading)]


def _night_estimate(row: dict[str, Any], *, with_n: bool) -> str:
    if row["convergence"] is None:
        return f"{night(row['wave_id'])} {no_number(row['reason'])}"
    n = f" ({_sizes(row)})" if with_n else ""
    return f"{night(row['wave_id'])} {estimate(row['convergence'], row['ci_low'], row['ci_high'])}{n}"


def _sizes(row: dict[str, Any]) -> str:
    return f"{counted(row['n_models'] or 0, 'model')}, {counted(row['n_prompts'] or 0, 'prompt')}"


def _change(reading: Reading) -> list[str]:
    """Tell the matched change against the night before and against the first night, once where they are the same."""
    rows = reading.frame("change").filter(pl.col("change").is_not_null())
    return [_change_sentence(row) for row in rows.unique("reference", keep="first", maintain_order=True).to_dicts()]


def _most_moved_pair(reading: Reading) -> list[str]:
    """Tell the pair that moved most since the first night. Its move has no interval, and the sentence says so."""
    rows = reading.frame("pair_moves").to_dicts()
    if not rows:
        return []
    first = rows[0]
    direction = "came closest together" if first["move"] > 0 else "came furthest apart"
    return [
        f"Of {counted(len(rows), 'pair')}, {inert(first['model_a'])} and {inert(first['model_b'])} {direction} since "
        f"{night(first['reference'])}: {number(first['convergence_then'])} became {number(first['convergence_now'])} "
        f"(combined, {counted(first['n_prompts'], 'prompt')}; the move has no interval)."
    ]


def _change_sentence(row: dict[str, Any]) -> str:
    unmatched = inert(row["unmatched_models"] or "")
    left_out = f"; models in one of both only: {unmatched}" if unmatched else ""
    return (
        f"Against {night(row['reference'])}, on what both nights answered ({_sizes(row)}), "
        f"convergence {moved(row)}{left_out}."
    )


def moved(row: dict[str, Any]) -> str:
    """Return how convergence moved against a reference: 'rose by 0.220 [0.104, 0.336]'; no direction without evidence.

    Three decimals: with two, an interval that just holds 0 would read [0.00, 0.02].
    """
    size, low, high = row["change"], row["ci_low"], row["ci_high"]
    if low is None or high is None:
        return f"differs by {number(size, 3)} (no interval)"
    if low <= 0 <= high:
        return f"did not move measurably: {estimate(size, low, high, 3)}"
    if size > 0:
        return f"rose by {estimate(size, low, high, 3)}"
    return f"fell by {estimate(-size, -high, -low, 3)}"


def _drift(reading: Reading) -> list[str]:
    alarms = reading.frame("alarms").to_dicts()
    tested = reading.frame("drift_tests").filter(pl.col("p_adjusted").is_not_null())
    tonight = {row["model"] for row in alarms if row["wave_id"] == reading.wave_id}
    quiet = tested.filter(~pl.col("model").is_in(list(tonight)))["model"].n_unique()
    seconds = _second_samples(reading)
    told = [
        f"Drift alarm: {alarm_sentence(row, seconds.get((row['wave_id'], row['model'])))}."
        for row in alarms[-ALARMS_TOLD:]
    ]
    if len(alarms) > len(told):
        told.append(f"{len(alarms) - len(told)} earlier alarms are in out.drift_by_model.")
    if tested.is_empty():
        told.append(f"Drift on {night(reading.wave_id)}: not tested, {untested_reason(reading)}.")
    elif quiet:
        other = " other" if tonight else ""
        told.append(f"No drift alarm on {night(reading.wave_id)} for the{other} {counted(quiet, 'model')} tested.")
    return told + _served_anew(reading) + _configured(reading)


def _second_samples(reading: Reading) -> dict[tuple[str, str], dict[str, Any]]:
    """Return what became of second samples by (wave_id, model)."""
    return {(row["wave_id"], row["model"]): row for row in reading.frame("confirmations").to_dicts()}


def untested_reason(reading: Reading) -> str:
    """Return why a wave has no drift test with a p-value."""
    rows = reading.frame("drift_tests")
    if rows.is_empty():
        return "there is no earlier night of this battery to compare with"
    if (rows["cause"] == "configuration").fill_null(False).all():
        return CAUSES["configuration"]
    return "a p-value needs at least 2 samples a prompt in both nights, or 3 earlier nights of one configuration"


def alarm_sentence(row: dict[str, Any], second: dict[str, Any] | None = None) -> str:
    """Return one alarm: model, night, reference, size with its noise, p, n, cause and what changed in the identity.

    `second` is what became of its second sample, a row of queries/confirmations.sql.
    """
    against = {"baseline": "its baseline ", "pool": "its pool of earlier nights up to "}.get(row["reference_kind"], "")
    where = "" if row["capability"] == "overall" else f" in {inert(row['capability'])}"
    changed = change(row["identity_then"], row["identity_now"]) if row["cause"] == "identity" else []
    return (
        f"{inert(row['model'])} changed on {night(row['wave_id'])} against {against}{night(row['reference'])} "
        f"({row['kernel']} {drift_measure(row['method'])}{where} {drift_size(row['drift'])}, noise SD "
        f"{drift_size(row['noise'])}, "
        f"p adjusted {p_value(row['p_adjusted'])}, {counted(row['n_prompts'] or 0, 'prompt')}; "
        f"{row['n_alarms']} of {row['n_tests']} tests): {_cause_of(row['cause'], second)}"
        + (f": {'; '.join(changed)}" if changed else "")
    )


def cause(name: str | None) -> str:
    """Return what a cause means, in words."""
    return "cause unknown" if name is None else CAUSES.get(name, inert(name))


def _cause_of(name: str | None, second: dict[str, Any] | None) -> str:
    """Return the cause of an alarm, with what its second sample said, or why there is none."""
    if second is None or name not in ("behaviour", "unconfirmed"):
        return cause(name)
    sample = (
        f"{counted(second['n_answers'], 'fresh answer')} to {counted(second['n_prompts'], 'prompt')} the same night"
    )
    reason = f": {inert(second['reason'])}" if second["reason"] else ""
    if name == "behaviour":
        return f"the same system answers differently, confirmed by {sample} (behaviour){reason}"
    said = _said_again(second, sample)
    return f"{cause(name)}{reason}" if said is None else f"the served identity is the same{said} (unconfirmed){reason}"


def _said_again(second: dict[str, Any], sample: str) -> str | None:
    """Return what a second sample said of an alarm that it does not confirm; None where it was not asked."""
    match second["state"]:
        case "confirmed":
            tests = f"{second['n_confirmed']} of {counted(second['n_alarms'], 'test')}"
            return f", and {sample} confirmed {tests}, not this one"
        case "not confirmed":
            return f", and {sample} did not show it again"
        case "incomplete":
            came = f"{second['n_answers']} of {counted(second['n_planned'], 'answer')}"
            return f", and its second sample is incomplete, {came}, and decides nothing"
        case "another system":
            return ", and another system answered its second sample, which decides nothing"
        case "known":
            known = f"confirmed on {night(second['known_since'])} and not asked for again"
            return f"; this change from the baseline was {known}"
    return None


def _served_anew(reading: Reading) -> list[str]:
    """Tell of models whose served identity is not the night before's although their answers raised no alarm."""
    since_the_night_before = pl.col("identity_changed") & (pl.col("reference_kind") == "previous")
    told = reading.frame("drift_tests").group_by("model").agg(since_the_night_before.any(), pl.col("is_alarm").any())
    models = sorted(map(inert, told.filter(pl.col("identity_changed") & ~pl.col("is_alarm"))["model"]))
    return [f"What serves changed without a drift alarm: {listed(models)}."] if models else []


def _configured(reading: Reading) -> list[str]:
    rows = reading.frame("drift_tests").filter(pl.col("cause") == "configuration")
    models = sorted(set(map(inert, rows["model"])))
    return [f"Not tested for drift, {CAUSES['configuration']}: {listed(models)}."] if models else []


def _canaries(reading: Reading) -> list[str]:
    rows = reading.frame("drift_tests").filter(
        (pl.col("purpose") == "canary") & (pl.col("kernel") == "combined") & (pl.col("reference_kind") == "baseline")
    )
    return [_canary_sentence(row) for row in rows.sort("model").to_dicts()]


def _canary_sentence(row: dict[str, Any]) -> str:
    if row["p_adjusted"] is None:
        return f"Canary {inert(row['model'])}: not tested against its baseline {night(row['reference'])}."
    meaning = "no alarm"
    if row["is_alarm"]:
        meaning = "it took no part in training, so what moves here is generic change, not transfer"
    return (
        f"Canary {inert(row['model'])}: drift {drift_size(row['drift'])} against its baseline "
        f"{night(row['reference'])} (combined MMD², "
        f"noise SD {drift_size(row['noise'])}, p adjusted {p_value(row['p_adjusted'])}, "
        f"{counted(row['n_prompts'] or 0, 'prompt')}): {meaning}."
    )


def _epoch_zero(reading: Reading) -> list[str]:
    """Tell whether epoch 0 gives what the reference run gave; the audit's check D01 decides the word."""
    rows = reading.frame("epoch_zero")
    if rows.is_empty():
        return []
    check = reading.frame("checks").filter(pl.col("break_id") == "D01")
    failed = set(reading.frame("failed_verdicts").filter(pl.col("break_id") == "D01")["model"])
    told = []
    for (experiment,), group in rows.group_by("experiment", maintain_order=True):
        if check.is_empty():
            word = "was not checked against its reference"
        elif not check["success"].all() and (not failed or failed & set(group["model"])):
            word = "did NOT reproduce its reference"
        else:
            word = "reproduced its reference"
        told.append(f"Epoch 0 of {inert(experiment)} {word} ({_epoch_zero_numbers(group)}).")
    return told


def _epoch_zero_numbers(group: pl.DataFrame) -> str:
    weight = pl.col("n_accuracy")
    means = group.select(
        (pl.col("accuracy") * weight).sum() / weight.sum(),
        (pl.col("accuracy_reference") * weight).sum() / weight.sum(),
    ).row(0)
    reference = number(means[1]) if group["accuracy_reference"].null_count() == 0 else "no reference"
    n_items, n_equal, n_answers = group["n_accuracy"].sum(), group["n_equal"].sum(), group["n_answers"].sum()
    accuracy = f"accuracy {number(means[0])} against {reference}, {n_items} items" if n_items else "no accuracy items"
    return f"{accuracy}; {n_equal} of {n_answers} greedy answers equal"


def _withheld(reading: Reading) -> list[str]:
    rows = reading.frame("completeness").filter(pl.col("is_withheld")).to_dicts()
    if not rows:
        return ["Withheld: none."]
    named = [
        f"{inert(row['model'])} ({inert(row['withheld_reason'] or 'no reason stated')}; "
        f"{row['ok'] + row['quarantined']:,} of {row['planned']:,} cells answered, "
        f"{share((row['ok'] + row['quarantined']) / row['planned'])})"
        for row in rows
    ]
    return [f"Withheld from this night's measures: {'; '.join(named)}."]
