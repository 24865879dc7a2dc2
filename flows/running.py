"""`driftlake nightly`: which nights are to be played now, playing them, and saying what they found."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from flows.choosing import chosen_panel
from flows.endpoints import look_ahead_of, only_checkpoints
from flows.environment import prepare_environment
from flows.foreseen import foreseeing
from flows.progress import Step
from flows.settings import Settings
from flows.stages import go_on_with_lake
from lake.catalog import connect_reader
from lake.errors import InputError, QuarantineError, WaveError
from lake.store import Store
from lake.waves import Wave, last_publication, listed
from pipelines.asking.records import NOT_LISTED, SETTLED
from pipelines.panels.records import Panel
from pipelines.planning import RESUME_WITHIN, draft_plan, require_same_source, require_startable, wave_id_of

if TYPE_CHECKING:
    from flows.outlook import Outlook

EXAMPLE = (
    "select wave_date, convergence, ci_low, ci_high from out.convergence_by_wave "
    "where kernel = 'combined' and capability = 'overall' order by wave_date"
)


@dataclass(frozen=True)
class Night:
    """One wave to play. `staged` counts staged nights from 0; None for a live one."""

    day: date
    staged: int | None


def run_nightly(settings: Settings, wave_date: str | None) -> str:
    """Play what is due for the panel and return what was found, for people.

    On an empty lake a panel with staged nights plays them, dated to end today. Raises InputError
    before anything is written when panel, date or key cannot be used, and what `look_ahead_of` raises before a single
    live night is started; WaveError when a wave was quarantined.
    """
    day = _parse_day(wave_date)
    store, now = settings.store, datetime.now(UTC)
    panel = chosen_panel(settings, day or now.date())
    require_same_source(store, panel, day or now.date())
    nights = nights_due(store, panel, day, now)
    if not all(_is_answered(store, panel, night) for night in nights):
        require_keys(panel)
    ahead = [_foresee(settings, panel, night) for night in nights if nights == [Night(day or now.date(), None)]]
    prepare_environment(store)
    go_on_with_lake(store.prepare())
    quarantined: list[QuarantineError] = []
    for night in nights:
        try:
            with foreseeing(wave_id_of(panel, night.day), ahead[0] if ahead else None):
                _play(settings, night)
        except QuarantineError as error:
            quarantined.append(error)  # the next night may be good, and publishes without it
        except InputError as error:
            if night is nights[-1] or night.staged is not None:
                raise
            Step("plan").note(f"{error} Tonight's wave goes on without it.")
    text = summary(store, panel, asked=bool(nights))
    if quarantined:
        print(text)
        raise WaveError("\n".join(map(str, quarantined)))
    return text


def require_keys(panel: Panel) -> None:
    """Raise InputError where an endpoint's key is not in the environment, EndpointError where it cannot be a key."""
    named = [spec for spec in panel.endpoints.values() if spec.key_env]
    for spec in named:
        if not os.environ.get(spec.key_env or "", "").strip():
            raise InputError(
                f"Panel {panel.name} asks {spec.base_url}, whose key is read from {spec.key_env}, and that is not set. "
                f"Set it (export {spec.key_env}=…), or run --panel local, which needs no key."
            )
    if named:
        from pipelines.asking.openai_compatible import read_key

        for spec in named:
            read_key(spec, os.environ)


def nights_due(store: Store, panel: Panel, day: date | None, now: datetime) -> list[Night]:
    """Return the waves to play now, oldest first; none when today's is published and complete."""
    today = now.date()
    waves = _waves_of(store, panel)
    if day is not None:
        known = next((wave for wave in waves if wave.wave_date == day), None)
        if known is None:
            require_startable(wave_id_of(panel, day), day, today)
        staged = _staged_night(waves, day) if known and known.wave_kind == "staged" else None
        return [] if _is_done(store, waves, panel, day, now) else [Night(day, staged)]
    candidates = [*_staged_nights(waves, panel, today), *_cut_short(waves, now)]
    if all(night.day != today for night in candidates):
        candidates.append(Night(today, None))
    return [night for night in candidates if not _is_done(store, waves, panel, night.day, now)]


def summary(store: Store, panel: Panel, *, asked: bool) -> str:
    """Return what the last publication of the panel says, where its page is, and one query to go on with."""
    from dashboards.findings import found
    from dashboards.page import draw, page_path

    publication = last_publication(store, panel.name)
    if publication is None:
        return f"Nothing of panel {panel.name} was published yet. `driftlake status` shows where the waves stand."
    if not page_path(store, publication).is_file():
        draw(store, publication)  # the process that published it was stopped before it drew
    connection = connect_reader(store, publication.snapshot_id)
    try:
        sentences = found(connection, panel.name)
    finally:
        connection.close()
    first = "What was found" if asked else "Everything due is answered and published; nothing was asked. What was found"
    lines = [f"\n{first} ({publication.wave_id}):", *(f"  * {sentence}" for sentence in sentences)]
    lines += [f"\nReport: {store.site / 'index.html'}", f'Ask it:  .venv/bin/driftlake sql "{EXAMPLE}"']
    return "\n".join(lines)


def _foresee(settings: Settings, panel: Panel, night: Night) -> Outlook | None:
    """Return what lies ahead of a live night, or refuse it while nothing was started; None where no service is asked.

    Raises what `look_ahead_of` raises.
    """
    if only_checkpoints(panel):
        return None
    plan = draft_plan(settings.store, panel, night.day, night.staged, datetime.now(UTC))
    return look_ahead_of(plan, settings.budget_usd, settings.allow_unpriced, os.environ, Step("price"))


def _play(settings: Settings, night: Night) -> None:
    from flows.night_server import keep_server_to_this_process
    from flows.nightly import nightly

    keep_server_to_this_process(settings.store)
    nightly(
        panel=settings.panel,
        wave_date=night.day.isoformat(),
        staged_night=night.staged,
        samples=settings.samples,
        budget_usd=settings.budget_usd,
        allow_unpriced=settings.allow_unpriced,
        home=str(settings.store.home),
        escalate_from=settings.escalate_from,
        top=settings.top,
    )


def _staged_nights(waves: list[Wave], panel: Panel, today: date) -> list[Night]:
    if not panel.staged_nights or any(wave.wave_kind == "live" for wave in waves):
        return []
    first = waves[0].wave_date if waves else today - timedelta(days=panel.staged_nights - 1)
    return [Night(first + timedelta(days=night), night) for night in range(panel.staged_nights)]


def _staged_night(waves: list[Wave], day: date) -> int:
    first = min(wave.wave_date for wave in waves if wave.wave_kind == "staged")
    return (day - first).days


def _cut_short(waves: list[Wave], now: datetime) -> list[Night]:
    """Return the live nights of earlier days that were started less than 24 hours ago and not finished."""
    return [
        Night(wave.wave_date, None)
        for wave in waves
        if wave.wave_kind == "live"
        and wave.wave_date < now.date()
        and wave.status not in ("published", "quarantined")
        and now - wave.started_at <= RESUME_WITHIN
    ]


def _is_done(store: Store, waves: list[Wave], panel: Panel, day: date, now: datetime) -> bool:
    """Say whether nothing is left to do for a night.

    It was published, and every cell and every judge's vote is settled or the time to ask is over; or it was
    quarantined on an earlier day.
    """
    wave = next((wave for wave in waves if wave.wave_id == wave_id_of(panel, day)), None)
    if wave is None or wave.status not in ("published", "quarantined"):
        return False
    if wave.status == "quarantined":
        return day < now.date()
    return now - wave.started_at > RESUME_WITHIN or _unsettled(store, panel, wave.wave_id) == 0


def _is_answered(store: Store, panel: Panel, night: Night) -> bool:
    """Say whether the journals hold an answer to every cell of a night, so that it can be finished without a key.

    The cells of a second sample that was begun count too.
    """
    from pipelines.asking.journal import Journal
    from pipelines.asking.ordering import plan_cells
    from pipelines.confirmation import cell_keys, decided

    wave_id = wave_id_of(panel, night.day)
    settled = {name: Journal(store.wave_journal(wave_id), name).settled() for name in panel.endpoints}
    cells = plan_cells(panel, wave_id, night.day, night.staged)
    begun = [decision for decision in decided(store.wave_journal(wave_id)) if decision.is_asked]
    again = [(panel.entry(d.model).endpoint, key) for d in begun for key in cell_keys(panel, d)]
    return all(key in settled[name] for name, key in [*((cell.endpoint, cell.key) for cell in cells), *again])


def _unsettled(store: Store, panel: Panel, wave_id: str) -> int:
    return _unsettled_cells(store, wave_id) + (_unsettled_votes(store, wave_id) if panel.judges else 0)


def _unsettled_votes(store: Store, wave_id: str) -> int:
    from pipelines.enrichment.judging import unsettled_votes

    connection = connect_reader(store, "head")
    try:
        return unsettled_votes(connection, wave_id)
    finally:
        connection.close()


def _unsettled_cells(store: Store, wave_id: str) -> int:
    connection = connect_reader(store, "head")
    try:
        row = connection.execute(
            """
            SELECT count(*) FROM raw.planned_cells AS cells
            WHERE wave_id = $wave_id AND NOT EXISTS (
                SELECT 1 FROM raw.attempts
                WHERE wave_id = $wave_id AND (list_contains($settled, outcome) OR error_class = $not_listed)
                  AND attempts.model_requested = cells.model_requested AND attempts.prompt_id = cells.prompt_id
                  AND attempts.sample_index = cells.sample_index AND attempts.purpose = cells.purpose
            )
            """,
            {"wave_id": wave_id, "settled": sorted(SETTLED), "not_listed": NOT_LISTED},
        ).fetchone()
    finally:
        connection.close()
    return int(row[0]) if row else 0


def _waves_of(store: Store, panel: Panel) -> list[Wave]:
    if not store.exists():
        return []
    connection = connect_reader(store, "head")
    try:
        return listed(connection, "panel = ?", [panel.name])
    finally:
        connection.close()


def _parse_day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"--date {text!r} is not a date. Give it as YYYY-MM-DD.") from error
