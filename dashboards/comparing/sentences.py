"""The one sentence a comparison starts with. Its numbers are those of the records; its words follow the interval."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dashboards.comparing.records import Drift, Similarity
from dashboards.wording import counted, inert, interval, listed, number

DIGITS = 3
CAUSES = ("configuration", "identity", "behaviour", "unconfirmed")


def headline(rows: Iterable[Similarity], quantity: str) -> Similarity | None:
    """Return the overall, combined row of a quantity."""
    return next((r for r in rows if (r.quantity, r.capability, r.kernel) == (quantity, "overall", "combined")), None)


def of_what(row: Similarity) -> str:
    """Return '6 models, 60 prompts'."""
    models = counted(row.n_models, "model")
    return models if row.n_prompts is None else f"{models}, {counted(row.n_prompts, 'prompt')}"


def with_interval(row: Similarity) -> str:
    """Return '0.004 [-0.019, 0.028]', or '0.004 (an interval needs 3 models)'."""
    if row.ci_low is None or row.ci_high is None:
        return f"{number(row.value, DIGITS)} ({row.reason or 'no interval'})"
    return f"{number(row.value, DIGITS)} {interval(row.ci_low, row.ci_high, DIGITS)}"


def change_finding(rows: Sequence[Similarity]) -> str:
    """Return what became of convergence between two waves."""
    row = headline(rows, "change")
    if row is None or row.value is None:
        return f"Whether convergence changed cannot be said: {row.reason if row else 'nothing was compared'}."
    if row.ci_low is None or row.ci_high is None:
        return f"Convergence differs by {with_interval(row)}, {of_what(row)}."
    if row.ci_low <= 0 <= row.ci_high:
        return f"Convergence did not change measurably: {with_interval(row)}, {of_what(row)}."
    verb = "rose" if row.value > 0 else "fell"
    return (
        f"Convergence {verb} from {number(row.value_a, DIGITS)} to {number(row.value_b, DIGITS)}: "
        f"{with_interval(row)}, {of_what(row)}."
    )


def drift_finding(rows: Sequence[Drift]) -> str:
    """Return which models drifted, by the alarms of the tests; empty where no model is in both waves."""
    models = list(dict.fromkeys(row.model for row in rows))
    if not models:
        return ""
    alarmed = {model: cause_of(rows, model) for model in models if any(r.is_alarm for r in rows if r.model == model)}
    tested = {row.model for row in rows if row.p_value is not None}
    configured = [model for model in models if cause_of(rows, model) == "configuration"]
    parts = []
    if alarmed:
        named = listed([f"{inert(model)} ({cause})" for model, cause in alarmed.items()])
        parts.append(f"{counted(len(alarmed), 'model')} drifted: {named}.")
    elif tested:
        parts.append(f"No model drifted, of {counted(len(tested), 'model')} tested.")
    else:
        parts.append("No model's drift could be tested.")
    if configured:
        parts.append(f"Configuration changed: {listed([inert(model) for model in configured])}.")
    return " ".join(parts)


def cause_of(rows: Iterable[Drift], model: str) -> str | None:
    """Return the cause of a model's drift: the first of CAUSES that any of its rows carries."""
    causes = {row.cause for row in rows if row.model == model}
    return next((cause for cause in CAUSES if cause in causes), None)


def pair_finding(a: str, b: str, rows: Sequence[Similarity]) -> str:
    """Return how alike two models answered."""
    row, names = headline(rows, "pair"), f"{inert(a)} and {inert(b)}"
    if row is None or row.value is None:
        return f"How alike {names} answered cannot be said: {row.reason if row else 'nothing was compared'}."
    prompts = counted(row.n_prompts or 0, "prompt")
    levels = f"match {number(row.match, DIGITS)} against {number(row.chance, DIGITS)} by chance"
    if row.ci_low is not None and row.ci_high is not None and row.ci_low <= 0 <= row.ci_high:
        return f"{names} are not measurably more alike than chance: {with_interval(row)}, {levels}, {prompts}."
    return f"{names} have a convergence of {with_interval(row)}, {levels}, {prompts}."


def group_finding(a: str, b: str, rows: Sequence[Similarity]) -> str:
    """Return whether one group is more alike within itself than the other."""
    row = headline(rows, "difference")
    if row is None or row.value is None:
        return f"Convergence within the two groups cannot be compared: {row.reason if row else 'nothing to compare'}."
    within = {q: headline(rows, q) for q in ("within_a", "within_b")}
    levels = " and ".join(
        f"{number(found.value, DIGITS)} within {inert(name)}"
        for name, found in zip((a, b), within.values(), strict=True)
        if found is not None
    )
    if row.ci_low is None or row.ci_high is None:
        return f"Convergence is {levels}: difference {with_interval(row)}, {of_what(row)}."
    if row.ci_low <= 0 <= row.ci_high:
        return f"The groups do not differ measurably: {levels}, difference {with_interval(row)}, {of_what(row)}."
    more, less = (b, a) if row.value > 0 else (a, b)
    return (
        f"Models of {inert(more)} answer each other more alike than models of {inert(less)}: {levels}, "
        f"difference {with_interval(row)}, {of_what(row)}."
    )
