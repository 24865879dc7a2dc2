"""Panels as read from YAML: a battery, a roster and endpoints, resolved into what is asked of whom."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipelines.panels.battery_files import load_battery
from pipelines.panels.judges import decisive_judges, judges_of
from pipelines.panels.records import (
    CAPABILITIES,
    Battery,
    CheckpointRef,
    Confirmation,
    DeclaredPrice,
    EndpointSpec,
    Panel,
    Prompt,
    RosterEntry,
    sha256_of,
)
from pipelines.panels.schema import PANEL_HINTS, PanelFile, RosterLine
from pipelines.panels.settings import refusal
from pipelines.panels.source import Location, Source, find_file, names_in, nearest, read_source

__all__ = ["PANELS", "load_battery", "load_panel", "panel_names", "roster_line"]

PANELS = Path(__file__).parent
"""Folder of the panels that are known by name."""


def panel_names() -> list[str]:
    """Return the names of the panels that come with driftlake, sorted."""
    return names_in(PANELS)


def load_panel(name_or_path: str | Path) -> Panel:
    """Return a panel by name (`<name>.yaml` beside this module) or by the path of its file.

    Entries are resolved: settings are the panel's defaults overlaid key by key with the model's own, a
    persona has become its system prompt, and a model without `served_names` may answer under its own
    name or a dated form of it. `declared` holds what decides the questions, and `sha` is its SHA-256:
    budget, confirmation, concurrency, staged nights and facts about a model's maker may change without changing it.

    Raises PanelError with file, line and remedy; also for the panel's battery.
    """
    source = read_source(find_file(name_or_path, PANELS, "panel"))
    return panel_of(source, source.parse(PanelFile, PANEL_HINTS))


def panel_of(source: Source, content: PanelFile) -> Panel:
    """Return the panel that a file's content declares; raise PanelError as `load_panel` does."""
    battery = _battery(source, content)
    prompts = _asked(source, content, battery)
    endpoints = {name: EndpointSpec(name=name, **dict(block)) for name, block in content.endpoints.items()}
    roster = tuple(_entry(source, content, number) for number in range(len(content.roster)))
    _models_are_distinct(source, content)
    judges = judges_of(source, content)
    declared = _decisive(content, battery, prompts, roster, endpoints) | decisive_judges(judges)
    return Panel(
        name=content.panel,
        path=source.path,
        battery=battery,
        prompts=prompts,
        roster=roster,
        endpoints=endpoints,
        samples=content.samples,
        seed=content.seed,
        sha=sha256_of(declared),
        declared=declared,
        staged_nights=content.staged_nights,
        budget_usd=content.budget_usd,
        judges=judges,
        confirmation=Confirmation(**dict(content.confirmation)),
    )


def _battery(source: Source, content: PanelFile) -> Battery:
    """Return the panel's battery; a path is relative to the panel's folder."""
    name = content.battery
    if name.endswith((".yaml", ".yml")):
        path = source.path.parent / Path(name).expanduser()
        if not path.is_file():
            raise source.error(("battery",), f"there is no battery file {path}.", "Correct the path.")
        return load_battery(path)
    known = names_in(PANELS / "batteries")
    if name not in known:
        problem = f"there is no battery named {name!r}.{nearest(name, known)}"
        remedy = f"Name one of {', '.join(known)}, or give the path of a YAML file."
        raise source.error(("battery",), problem, remedy)
    return load_battery(name)


def _asked(source: Source, content: PanelFile, battery: Battery) -> tuple[Prompt, ...]:
    """Return the battery's prompts, or the first n of each capability, in file order."""
    wanted = content.prompts_per_capability
    if wanted is None:
        return battery.prompts
    asked: list[Prompt] = []
    taken = dict.fromkeys(CAPABILITIES, 0)
    for prompt in battery.prompts:
        taken[prompt.capability] += 1
        if taken[prompt.capability] <= wanted:
            asked.append(prompt)
    for capability, there in taken.items():
        if there < wanted:
            problem = f"battery {battery.name!r} has {there} prompts for {capability}, {wanted} are wanted."
            raise source.error(("prompts_per_capability",), problem, "Ask for fewer, or name a larger battery.")
    return tuple(asked)


def _entry(source: Source, content: PanelFile, number: int) -> RosterEntry:
    """Return one line of the roster, checked against the panel and resolved."""
    line, where = content.roster[number], ("roster", number)
    endpoint = line.endpoint or content.defaults.endpoint
    if endpoint is None:
        remedy = "Add `endpoint:` here or under `defaults`."
        raise source.error(where, f"{line.model!r} names no endpoint.", remedy)
    if endpoint not in content.endpoints:
        problem = f"{line.model!r} names an unknown endpoint {endpoint!r}.{nearest(endpoint, content.endpoints)}"
        place = (*where, "endpoint") if line.endpoint else ("defaults", "endpoint")
        raise source.error(place, problem, f"This panel declares {', '.join(content.endpoints)}.")
    in_process = content.endpoints[endpoint].kind == "checkpoint"
    if in_process and line.checkpoint is None:
        problem = f"{line.model!r} is asked at a checkpoint endpoint and names no checkpoint."
        raise source.error(where, problem, "Add `checkpoint: {base: laboratory}` for the base alone.")
    if not in_process and line.checkpoint is not None:
        problem = f"{line.model!r} names a checkpoint, but {endpoint!r} is not a checkpoint endpoint."
        raise source.error((*where, "checkpoint"), problem, "Remove `checkpoint`, or choose another endpoint.")
    if in_process and line.price is not None:
        problem = f"{line.model!r} has a price, but {endpoint!r} answers in process."
        raise source.error((*where, "price"), problem, "Remove `price`.")
    if not in_process:
        _settings_can_be_sent(source, content, number, content.endpoints[endpoint].flavor)
    return RosterEntry(
        model=line.model,
        endpoint=endpoint,
        role=line.role,
        provider=line.provider,
        family=line.family,
        architecture=line.architecture,
        region=line.region,
        open_weights=line.open_weights,
        base_model=line.base_model,
        served_names=tuple(line.served_names or _own_names(line)),
        settings=content.defaults.settings | line.settings,
        system_prompt=_system_prompt(source, content, number),
        persona=line.persona,
        checkpoint=_checkpoint(line),
        price=DeclaredPrice(**dict(line.price)) if line.price else None,
    )


def _settings_can_be_sent(source: Source, content: PanelFile, number: int, flavor: str | None) -> None:
    """Raise PanelError at the first setting that this flavor of endpoint cannot be asked with."""
    line = content.roster[number]
    refused = refusal(content.defaults.settings | line.settings, flavor)
    if refused is None:
        return
    where: Location = ("defaults", "settings") if refused.setting in content.defaults.settings else ("roster", number)
    if refused.setting in line.settings:
        where = ("roster", number, "settings")
    raise source.error((*where, refused.setting), f"{line.model!r}: {refused.problem}", refused.remedy)


def _own_names(line: RosterLine) -> tuple[str, ...]:
    """Return the names a model may answer under by itself: a checkpoint of an experiment under its id alone."""
    if line.checkpoint is not None and line.checkpoint.id is not None:
        return (line.checkpoint.id,)
    return (line.model, f"{line.model}-20*")


def _checkpoint(line: RosterLine) -> CheckpointRef | None:
    if line.checkpoint is None:
        return None
    named = line.checkpoint
    return CheckpointRef(named.base, named.experiment, tuple(named.staged_epochs), named.id)


def roster_line(panel: Panel, model: str) -> str:
    """Return where a model stands in the panel's file, as path:line."""
    source = read_source(panel.path)
    content = source.parse(PanelFile, PANEL_HINTS)
    numbers = [number for number, line in enumerate(content.roster) if line.model == model]
    return f"{panel.path}:{source.line(('roster', *numbers, 'checkpoint'))}"


def _system_prompt(source: Source, content: PanelFile, number: int) -> str | None:
    """Return the system prompt of a roster line: its persona's, its own, or the panel's default."""
    line = content.roster[number]
    if line.persona is None:
        return line.system_prompt or content.defaults.system_prompt
    from pipelines.laboratory.personas import PERSONAS

    if line.persona not in PERSONAS:
        problem = f"{line.model!r} names an unknown persona {line.persona!r}.{nearest(line.persona, PERSONAS)}"
        raise source.error(("roster", number, "persona"), problem, f"The laboratory has {', '.join(PERSONAS)}.")
    return PERSONAS[line.persona].system_prompt


def _models_are_distinct(source: Source, content: PanelFile) -> None:
    seen: dict[str, int] = {}
    for number, line in enumerate(content.roster):
        first = seen.setdefault(line.model, number)
        if first != number:
            problem = f"{line.model!r} stands twice (first on line {source.line(('roster', first, 'model'))})."
            raise source.error(("roster", number, "model"), problem, "Keep one of the two.")


def _decisive(
    content: PanelFile,
    battery: Battery,
    prompts: tuple[Prompt, ...],
    roster: tuple[RosterEntry, ...],
    endpoints: dict[str, EndpointSpec],
) -> dict[str, Any]:
    """Return what decides the questions of a wave, as plain values fit for JSON."""
    return {
        "panel": content.panel,
        "battery": {"name": battery.name, "version": battery.version, "sha": battery.sha},
        "prompts": [prompt.prompt_id for prompt in prompts],
        "samples": content.samples,
        "seed": content.seed,
        "endpoints": {
            name: {"kind": spec.kind, "flavor": spec.flavor, "base_url": spec.base_url}
            for name, spec in endpoints.items()
        },
        "roster": {
            entry.model: {
                "endpoint": entry.endpoint,
                "role": entry.role,
                "settings": entry.settings,
                "system_prompt": entry.system_prompt,
                "persona": entry.persona,
                "checkpoint": entry.checkpoint.declared if entry.checkpoint else None,
            }
            for entry in roster
        },
    }
