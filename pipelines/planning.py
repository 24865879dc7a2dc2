"""The plan of a wave: what is to be asked, frozen on disk at the first start.

A wave stands for a UTC date. Its plan lies in the wave's journal folder before anything is asked;
a later start of the same wave goes by that plan, and refuses to go on under a changed panel.
"""

from __future__ import annotations

import difflib
import json
import os
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from lake.errors import InputError
from lake.store import Store
from lake.tables import RAW_PLANNED_CELLS, RAW_PROMPTS, RAW_ROSTER
from lake.waves import Wave
from pipelines.asking.ordering import plan_cells
from pipelines.asking.records import Cell
from pipelines.code_version import code_version
from pipelines.panels.records import Panel, sha256_of

RESUME_WITHIN = timedelta(hours=24)


@dataclass(frozen=True)
class WavePlan:
    """A frozen plan. `cells` are in the order of asking; `staged_night` counts from 0, None for a live wave."""

    wave_id: str
    wave_date: date
    wave_kind: str
    staged_night: int | None
    panel: Panel
    folder: Path
    started_at: datetime
    code_version: str
    cells: tuple[Cell, ...]

    def wave(self) -> Wave:
        """Return the row of ops.waves that this plan starts with."""
        return Wave(
            wave_id=self.wave_id,
            panel=self.panel.name,
            wave_date=self.wave_date,
            wave_kind=self.wave_kind,
            status="planned",
            panel_sha=self.panel.sha,
            battery_sha=self.panel.battery.sha,
            code_version=self.code_version,
            planned_cells=len(self.cells),
            started_at=self.started_at,
        )


def wave_id_of(panel: Panel, wave_date: date) -> str:
    """Return the id of the panel's wave of a date."""
    return f"{panel.name}/{wave_date.isoformat()}"


def draft_plan(
    store: Store,
    panel: Panel,
    wave_date: date,
    staged_night: int | None,
    now: datetime,
    scheduled: date | None = None,
) -> WavePlan:
    """Return the wave's plan: the one frozen at its first start, or the one that would be frozen now. Writes nothing.

    Raises InputError for a date in the future, for a missed night (a past date that no start ever
    froze), and for a panel that changed since the first start. `scheduled` is the day of the scheduled start,
    today by default: a run that had to wait past midnight still stands for its day.
    """
    return _plan(store, panel, wave_date, _frozen_or_new(store, panel, wave_date, staged_night, now, scheduled))


def freeze_plan(
    store: Store,
    panel: Panel,
    wave_date: date,
    staged_night: int | None,
    now: datetime,
    scheduled: date | None = None,
) -> WavePlan:
    """Return the wave's plan as `draft_plan` does; a new one is now frozen."""
    frozen = _frozen_or_new(store, panel, wave_date, staged_night, now, scheduled)
    path = _path(store, wave_id_of(panel, wave_date))
    if not path.exists():
        _write_whole(path, frozen)
    return _plan(store, panel, wave_date, frozen)


def frozen_source(store: Store, wave_id: str) -> dict[str, Any] | None:
    """Return where the roster of a started wave came from ({wave, top, publication}).

    None for the panel's own roster, and for a wave that no start froze.
    """
    frozen = _read(_path(store, wave_id))
    source: dict[str, Any] | None = frozen["panel"].get("roster_from") if frozen else None
    return source


def require_same_source(store: Store, panel: Panel, wave_date: date) -> None:
    """Raise InputError where a wave was started with a roster from elsewhere: its flags are then part of its name."""
    wave_id = wave_id_of(panel, wave_date)
    frozen = _read(_path(store, wave_id))
    if frozen is not None:
        _same_source(wave_id, frozen, panel)


def _frozen_or_new(
    store: Store, panel: Panel, wave_date: date, staged_night: int | None, now: datetime, scheduled: date | None
) -> dict[str, Any]:
    wave_id = wave_id_of(panel, wave_date)
    frozen = _read(_path(store, wave_id))
    if frozen is not None:
        _same_source(wave_id, frozen, panel)
        _require_same_panel(wave_id, frozen, panel)
        return frozen
    if staged_night is None:
        require_startable(wave_id, wave_date, scheduled or now.astimezone(UTC).date())
    return _frozen(panel, wave_id, wave_date, staged_night, now)


def _plan(store: Store, panel: Panel, wave_date: date, frozen: dict[str, Any]) -> WavePlan:
    wave_id, night = wave_id_of(panel, wave_date), frozen["staged_night"]
    return WavePlan(
        wave_id=wave_id,
        wave_date=wave_date,
        wave_kind="live" if night is None else "staged",
        staged_night=night,
        panel=panel,
        folder=store.wave_journal(wave_id),
        started_at=datetime.fromisoformat(frozen["started_at"]),
        code_version=frozen["code_version"],
        cells=tuple(plan_cells(panel, wave_id, wave_date, night)),
    )


def _path(store: Store, wave_id: str) -> Path:
    return store.wave_journal(wave_id) / "plan.json"


def _read(path: Path) -> dict[str, Any] | None:
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None


def require_resumable(plan: WavePlan, now: datetime) -> None:
    """Raise InputError where asking would go on more than 24 hours after the wave's first start.

    Answers of another day are not observations of this night. A staged night's models never change, so it can
    be finished at any time.
    """
    if plan.staged_night is None and now - plan.started_at > RESUME_WITHIN:
        raise InputError(
            f"Wave {plan.wave_id} was started {plan.started_at:%Y-%m-%d %H:%M} UTC, more than 24 hours ago, and is "
            "not complete. A missed night stays missed; start today's wave without --date."
        )


def plan_rows(plan: WavePlan) -> dict[Any, list[dict[str, Any]]]:
    """Return the plan as rows of raw.planned_cells, raw.prompts and raw.roster, by table."""
    return {
        RAW_PLANNED_CELLS: [cell._asdict() for cell in plan.cells],
        RAW_PROMPTS: _prompt_rows(plan),
        RAW_ROSTER: _roster_rows(plan),
    }


def _prompt_rows(plan: WavePlan) -> list[dict[str, Any]]:
    battery = plan.panel.battery
    return [
        {
            "wave_id": plan.wave_id,
            "wave_date": plan.wave_date,
            "battery": battery.name,
            "battery_version": battery.version,
            "battery_sha": battery.sha,
            "declared_prompts": len(plan.panel.prompts),
            "prompt_id": prompt.prompt_id,
            "capability": prompt.capability,
            "family": prompt.family,
            "expected_behavior": prompt.expected_behavior,
            "reference": prompt.reference,
            "messages": json.dumps(list(prompt.messages), ensure_ascii=False),
            "prompt_sha": prompt.sha,
        }
        for prompt in plan.panel.prompts
    ]


def _roster_rows(plan: WavePlan) -> list[dict[str, Any]]:
    return [
        {
            "wave_id": plan.wave_id,
            "wave_date": plan.wave_date,
            "panel": plan.panel.name,
            "model": entry.model,
            "endpoint": entry.endpoint,
            "endpoint_kind": plan.panel.endpoints[entry.endpoint].kind,
            "role": entry.role,
            "provider": entry.provider,
            "family": entry.family,
            "architecture": entry.architecture,
            "region": entry.region,
            "open_weights": entry.open_weights,
            "base_model": entry.base_model,
            "served_names": json.dumps(entry.served_names),
            "settings": json.dumps(entry.settings, sort_keys=True),
            "system_prompt": entry.system_prompt,
            "config_sha": entry.config_sha,
        }
        for entry in plan.panel.roster
    ]


def _frozen(panel: Panel, wave_id: str, wave_date: date, staged_night: int | None, now: datetime) -> dict[str, Any]:
    return {
        "wave_id": wave_id,
        "wave_date": wave_date.isoformat(),
        "staged_night": staged_night,
        "panel_sha": panel.sha,
        "battery_sha": panel.battery.sha,
        "prompt_shas": {prompt.prompt_id: prompt.sha for prompt in panel.prompts},
        "code_version": code_version(),
        "started_at": now.astimezone(UTC).isoformat(),
        "panel": panel.declared,
    }


def require_startable(wave_id: str, wave_date: date, today: date) -> None:
    """Raise InputError for a wave that no start ever froze and whose day is not today, UTC."""
    if wave_date > today:
        raise InputError(
            f"{wave_date} is in the future (it is {today} UTC). "
            "A wave stands for a day that has begun; leave --date out."
        )
    if wave_date < today:
        raise InputError(
            f"Wave {wave_id} was never started, and a missed night stays missed. "
            "--date in the past only resumes a started wave; leave it out to start today's."
        )


def _same_source(wave_id: str, frozen: dict[str, Any], panel: Panel) -> None:
    before, now = frozen["panel"].get("roster_from"), panel.declared.get("roster_from")
    if before is None and now is not None:
        raise InputError(
            f"Wave {wave_id} was started with the panel's own roster, not with one escalated from {now['wave']}. "
            "Leave --escalate-from and --top out to finish it; a panel has one wave a day, so escalate tomorrow."
        )
    if before is not None and (now is None or any(before[name] != now[name] for name in ("wave", "top"))):
        raise InputError(
            f"Wave {wave_id} was started with another roster: add --escalate-from {before['wave']} --top "
            f"{before['top']} to finish it. A panel has one wave a day; another roster can be asked tomorrow."
        )


def _require_same_panel(wave_id: str, frozen: dict[str, Any], panel: Panel) -> None:
    if frozen["panel_sha"] == panel.sha:
        return
    before = yaml.safe_dump(frozen["panel"], sort_keys=True).splitlines()
    after = yaml.safe_dump(json.loads(json.dumps(panel.declared)), sort_keys=True).splitlines()
    changed = [
        line for line in difflib.unified_diff(before, after, lineterm="", n=0) if line[:2] not in ("--", "++", "@@")
    ]
    prompts = {prompt.prompt_id: prompt.sha for prompt in panel.prompts}
    differing = sorted(
        key for key in frozen["prompt_shas"].keys() | prompts if frozen["prompt_shas"].get(key) != prompts.get(key)
    )
    if differing:
        changed.append(f"prompts that differ: {', '.join(differing[:5])}{' …' if len(differing) > 5 else ''}")
    raise InputError(
        f"Panel {panel.name} changed since wave {wave_id} started, so the wave cannot go on:\n  "
        + "\n  ".join(changed[:20] or [f"sha {frozen['panel_sha'][:12]} became {sha256_of(panel.sha)[:12]}"])
        + "\nPut the panel back to finish this wave, or leave the wave and start the next one with the new panel."
    )


def _write_whole(path: Path, value: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    with unfinished.open("w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False, indent=1)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
