"""The second sample that a drift alarm asks for the same night: whom, which cells, and what was decided.

An alarm that neither our configuration nor the served system explains rests on one draw of answers, which may have been
odd. Before it is called behaviour the same model answers the same prompts again, under sample indices and seeds of
their own. What was decided lies in the wave's journal folder before anything is asked; a later start goes by it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from pipelines.asking.money import money
from pipelines.asking.ordering import cell_seed, digest, night_key
from pipelines.asking.records import Cell, CellKey
from pipelines.panels.records import Panel
from pipelines.planning import WavePlan

FILE = "confirmation.json"
PURPOSE = "confirmation"


class Alarm(NamedTuple):
    """A model whose drift is to be confirmed: where its tests alarm (overall: all prompts), and the smallest p."""

    model: str
    capabilities: frozenset[str]
    p_adjusted: float


@dataclass(frozen=True)
class Decision:
    """What was decided about the second sample of one model. `reason` says why it was not asked, or not to its end."""

    model: str
    prompt_ids: tuple[str, ...]
    samples: int
    is_asked: bool
    worst_usd: float | None
    reason: str | None
    decided_at: datetime

    @property
    def n_cells(self) -> int:
        """Fresh answers wanted."""
        return len(self.prompt_ids) * self.samples


def prompts_of(plan: WavePlan, alarm: Alarm) -> tuple[str, ...]:
    """Return the prompts that an alarm rests on, in the order of the panel."""
    prompts = plan.panel.prompts
    return tuple(p.prompt_id for p in prompts if alarm.capabilities & {p.capability, "overall"})


def wanted(plan: WavePlan, alarms: Iterable[Alarm], now: datetime) -> list[Decision]:
    """Return the second samples that alarms ask for, the smallest p first, whatever they cost."""
    samples = plan.panel.confirmation_samples
    in_order = sorted(alarms, key=lambda alarm: (alarm.p_adjusted, alarm.model))
    return [Decision(alarm.model, prompts_of(plan, alarm), samples, True, None, None, now) for alarm in in_order]


def afforded(
    decisions: Iterable[Decision], worst_usd: Mapping[str, float | None], left_usd: float | None
) -> list[Decision]:
    """Return who is asked with what is left of the budget (None: no cap). `worst_usd` is null where nobody can say.

    A sample is asked whole or not at all: a part of it would have another power than the alarm had.
    """
    afforded_ = []
    for decision in decisions:
        worst = worst_usd.get(decision.model)
        reason = None if left_usd is None else _why_not(decision, worst, left_usd)
        afforded_.append(replace(decision, is_asked=reason is None, worst_usd=worst, reason=reason))
        if left_usd is not None and reason is None:
            left_usd -= worst or 0.0
    return afforded_


def _why_not(decision: Decision, worst: float | None, left_usd: float) -> str | None:
    if worst is None:
        return "a second sample was not asked: nobody can say what it costs, and there is a budget"
    if worst > left_usd:
        return (
            f"a second sample was not asked: its {decision.n_cells} answers can cost {money(worst)} USD, and "
            f"{money(max(0.0, left_usd))} USD of the budget are left"
        )
    return None


def confirming_plan(plan: WavePlan, decisions: Iterable[Decision]) -> WavePlan:
    """Return the plan with the cells of the second samples that are asked, instead of the wave's own."""
    cells: list[Cell] = []
    for decision in decisions:
        if decision.is_asked:
            cells += _cells(plan, decision, len(plan.cells) + len(cells))
    return replace(plan, cells=tuple(cells))


def cell_keys(panel: Panel, decision: Decision) -> list[CellKey]:
    """Return the cells of a second sample. Their sample indices go on behind those of the wave."""
    samples = range(panel.samples, panel.samples + decision.samples)
    return [
        CellKey(decision.model, prompt_id, sample, PURPOSE) for prompt_id in decision.prompt_ids for sample in samples
    ]


def _cells(plan: WavePlan, decision: Decision, first: int) -> list[Cell]:
    panel, night = plan.panel, night_key(plan.wave_id, plan.wave_date, plan.staged_night)
    keys = cell_keys(panel, decision)
    keys.sort(key=lambda key: digest(panel.seed, night, "block", key.prompt_id, key.sample_index))
    return [
        Cell(
            wave_id=plan.wave_id,
            wave_date=plan.wave_date,
            panel=panel.name,
            model_requested=key.model_requested,
            endpoint=panel.entry(key.model_requested).endpoint,
            prompt_id=key.prompt_id,
            sample_index=key.sample_index,
            purpose=PURPOSE,
            position=first + place,
            seed=cell_seed(panel.seed, night, key),
        )
        for place, key in enumerate(keys)
    ]


def decided(folder: Path) -> list[Decision]:
    """Return what earlier starts of a wave decided, in their order; none where no alarm ever asked."""
    path = folder / FILE
    if not path.exists():
        return []
    return [_decision(row) for row in json.loads(path.read_text(encoding="utf-8"))]


def keep(folder: Path, decisions: Sequence[Decision]) -> None:
    """Put decisions on disk, whole or not at all, in place of earlier ones about the same models."""
    kept = {decision.model: decision for decision in (*decided(folder), *decisions)}
    path = folder / FILE
    unfinished = path.with_suffix(".unfinished")
    with unfinished.open("w", encoding="utf-8") as file:
        json.dump([asdict(decision) for decision in kept.values()], file, ensure_ascii=False, indent=1, default=str)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def confirmation_rows(plan: WavePlan, decisions: Iterable[Decision]) -> list[dict[str, Any]]:
    """Return decisions as rows of raw.confirmations."""
    return [
        {
            "wave_id": plan.wave_id,
            "wave_date": plan.wave_date,
            "panel": plan.panel.name,
            "model": decision.model,
            "endpoint": plan.panel.entry(decision.model).endpoint,
            "is_asked": decision.is_asked,
            "n_prompts": len(decision.prompt_ids),
            "n_cells": decision.n_cells,
            "worst_usd": decision.worst_usd,
            "reason": decision.reason,
            "decided_at": decision.decided_at.astimezone(UTC),
        }
        for decision in decisions
    ]


def _decision(row: dict[str, Any]) -> Decision:
    known = {"prompt_ids": tuple(row["prompt_ids"]), "decided_at": datetime.fromisoformat(row["decided_at"])}
    return Decision(**(row | known))
