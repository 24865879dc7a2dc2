"""A comparison for people: the finding first, then tables, what was left out, and answers side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from dashboards.comparing.columns import side_by_side, table
from dashboards.comparing.records import Comparison, Moved, Rate, Similarity, Unmatched
from dashboards.comparing.sentences import DIGITS, cause_of
from dashboards.wording import DASH, count, counted, drift_size, inert, interval, listed, number, p_value, share
from lake.inert import visible

MOVED_LEVEL = 0.05
"""Adjusted p below which a single model's rate is shown; the JSON has all of them."""

Row = tuple[str, ...]

_QUANTITIES = {
    "within_a": "within A",
    "within_b": "within B",
    "between": "between A and B",
    "difference": "within B - within A",
    "separation": "within - between",
}


def as_text(found: Comparison, width: int) -> str:
    """Return the comparison as text of `width` columns; a row that lacks a number says why."""
    parts = [
        found.finding,
        "\n".join([f"A: {_operand(found.a)}", f"B: {_operand(found.b)}", *found.notes]),
        *(part for part in (_similarity(found), _drift(found), _rates(found), _unmatched(found.unmatched)) if part),
        _moved(found, width),
    ]
    return visible("\n\n".join(part for part in parts if part))


def _operand(side: object) -> str:
    name, models = getattr(side, "name", ""), getattr(side, "models", ())
    return f"{inert(name)} ({listed([inert(m) for m in models])})" if len(models) > 1 else inert(name)


def _similarity(found: Comparison) -> str:
    writers = {"waves": _change_rows, "models": _pair_rows, "groups": _group_rows}
    title, heads, rows, left = writers[found.kind](found.similarity)
    return f"{title}\n{table(heads, rows, left=left)}"


def _change_rows(rows: Sequence[Similarity]) -> tuple[str, tuple[str, ...], list[Row], int]:
    heads = ("capability", "kernel", "A", "B", "B - A", "95 % interval", "models", "prompts", "")
    shown: list[Row] = [
        (
            row.capability,
            row.kernel,
            number(row.value_a, DIGITS),
            number(row.value_b, DIGITS),
            number(row.value, DIGITS),
            _interval(row),
            count(row.n_models),
            count(row.n_prompts),
            row.reason or "",
        )
        for row in rows
        if row.capability == "overall" or row.kernel == "combined"
    ]
    return "Convergence on the models and prompts of both waves", heads, shown, 2


def _pair_rows(rows: Sequence[Similarity]) -> tuple[str, tuple[str, ...], list[Row], int]:
    heads = ("capability", "kernel", "match", "chance", "ceiling", "convergence", "95 % interval", "prompts", "")
    shown: list[Row] = [
        (
            row.capability,
            row.kernel,
            number(row.match, DIGITS),
            number(row.chance, DIGITS),
            number(row.ceiling, DIGITS),
            number(row.value, DIGITS),
            _interval(row),
            count(row.n_prompts),
            row.reason or "",
        )
        for row in rows
        if row.capability == "overall" or row.kernel == "combined"
    ]
    return "Convergence of the pair", heads, shown, 2


def _group_rows(rows: Sequence[Similarity]) -> tuple[str, tuple[str, ...], list[Row], int]:
    heads = ("capability", "", "convergence", "95 % interval", "models", "pairs", "prompts", "")
    shown: list[Row] = [
        (
            row.capability,
            _QUANTITIES[row.quantity],
            number(row.value, DIGITS),
            _interval(row),
            count(row.n_models),
            count(row.n_pairs),
            count(row.n_prompts),
            row.reason or "",
        )
        for row in rows
        if row.kernel == "combined"
    ]
    return "Convergence (combined kernel); the interval is over models and prompts", heads, shown, 2


def _interval(row: Similarity | Rate) -> str:
    return DASH if row.ci_low is None else interval(row.ci_low, row.ci_high, DIGITS)


def _drift(found: Comparison) -> str:
    rows = []
    for row in found.drift:
        if (row.capability, row.kernel) != ("overall", "combined"):
            continue
        alarms = sorted({r.capability for r in found.drift if r.model == row.model and r.is_alarm})
        rows.append(
            (
                row.model,
                drift_size(row.drift),
                drift_size(row.noise),
                p_value(row.p_adjusted),
                share(row.changed_share),
                count(row.n_prompts),
                cause_of(found.drift, row.model) or "no alarm",
                row.reason or (f"alarms: {', '.join(alarms)}" if alarms else ""),
            )
        )
    if not rows:
        return ""
    heads = ("model", "drift", "noise", "p adjusted", "changed", "prompts", "cause", "")
    return f"Drift by model (overall, combined kernel)\n{table(heads, rows)}"


def _rates(found: Comparison) -> str:
    together = [row for row in found.rates if row.model is None]
    if not together:
        return ""
    heads = ("rate", "A", "B", "B - A", "95 % interval", "p adjusted", "models", "prompts", "")
    title = "Rates, paired by prompt; the interval is over prompts, models taken as given"
    parts = [f"{title}\n{table(heads, [_rate_row(row) for row in together])}"]
    single = [r for r in found.rates if r.model is not None]
    moved = [r for r in single if r.p_adjusted is not None and r.p_adjusted < MOVED_LEVEL]
    if moved:
        shown = [(row.model or "", *_rate_row(row)) for row in moved]
        parts.append(f"Rates of single models that moved\n{table(('model', *heads), shown, left=2)}")
    elif single:
        parts.append(f"No single model's rate moved (Holm over {counted(len(found.rates), 'test')}).")
    return "\n\n".join(parts)


def _rate_row(row: Rate) -> tuple[str, ...]:
    numbers = (number(value, 1 if row.rate == "length" else DIGITS) for value in (row.a, row.b, row.difference))
    shown = interval(row.ci_low, row.ci_high, 1 if row.rate == "length" else DIGITS) if row.ci_low is not None else DASH
    counts = (count(row.n_models), count(row.n_prompts))
    return row.rate, *numbers, shown, p_value(row.p_adjusted), *counts, row.reason or ""


def _unmatched(rows: Sequence[Unmatched]) -> str:
    if not rows:
        return "Nothing was unmatched."
    models = [f"  {inert(r.model)}: {r.reason} ({_where(r.side)})" for r in rows if r.prompt_id is None and r.model]
    prompts = [row for row in rows if row.prompt_id is not None]
    counts = [counted(len(models), "model")] if models else []
    counts += [counted(_distinct(prompts), "prompt")] if prompts else []
    lines = [f"Left out: {' and '.join(counts)}", *models]
    for (side, reason), n in sorted(Counter((row.side, row.reason) for row in prompts).items()):
        own = [row for row in prompts if (row.side, row.reason) == (side, reason)]
        named = listed([inert(row.prompt_id) + (f" ({inert(row.model)})" if row.model else "") for row in own])
        lines.append(f"  {reason} ({_where(side)}), {n:,}: {named}")
    return "\n".join(lines)


def _where(side: str) -> str:
    return "in both" if side == "both" else f"in {side}"


def _distinct(rows: Iterable[Unmatched]) -> int:
    return len({row.prompt_id for row in rows})


def _moved(found: Comparison, width: int) -> str:
    if found.n_compared is None:
        return ""
    if not found.n_compared:
        return "No prompt was answered on both sides by a model that can be compared."
    unit = "prompts" if found.kind == "models" else "prompts of a model"
    title = f"Answers differ on {found.n_changed or 0:,} of {found.n_compared:,} {unit} answered on both sides."
    if found.n_incomparable:
        title += f" {found.n_incomparable:,} of them cannot be ranked: under 5 tokens, or no embedding."
    if not found.moved:
        return title
    ranking = "distance less the distance within each side" if found.ranked_by == "shift" else "distance"
    verb = "differ" if found.kind == "models" else "moved"
    head = f"{title}\nThose that {verb} most, by {ranking} (combined kernel)"
    return "\n\n".join([head, *(_answers(row, width) for row in found.moved)])


def _answers(row: Moved, width: int) -> str:
    who = f"{inert(row.model)}, " if row.model else ""
    sizes = f"distance {number(row.distance, DIGITS)}"
    if row.within is not None:
        sizes += f", within {number(row.within, DIGITS)}"
    question = f"\n  {inert(row.question)[: width - 2]}" if row.question else ""
    heads = (f"A, first of {counted(row.n_samples_a, 'sample')}", f"B, first of {counted(row.n_samples_b, 'sample')}")
    answers = side_by_side(heads, (row.answer_a, row.answer_b), width)
    return f"{who}{inert(row.prompt_id)} ({row.capability}): {sizes}{question}\n{answers}"
