"""Experiments as read from YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipelines.experiments.records import JUDGED, METRICS, Criterion, Experiment, Thresholds, TrainingRecipe
from pipelines.experiments.schema import EXPERIMENT_HINTS, ExperimentFile, RecipeBlock
from pipelines.panels.judges import decisive_judges, declared_judges, judges_of
from pipelines.panels.records import EndpointSpec, Judge, sha256_of
from pipelines.panels.source import Source, find_file, names_in, read_source

EXPERIMENTS = Path(__file__).parent
"""Folder of the experiments that are known by name."""


def experiment_names() -> list[str]:
    """Return the names of the experiments that come with driftlake, sorted."""
    return names_in(EXPERIMENTS)


def load_experiment(name_or_path: str | Path) -> Experiment:
    """Return an experiment by name (`<name>.yaml` beside this module) or by the path of its file.

    Raises PanelError with file, line and remedy.
    """
    source = read_source(find_file(name_or_path, EXPERIMENTS, "experiment"))
    content = source.parse(ExperimentFile, EXPERIMENT_HINTS)
    personas = _personas(source, content)
    judges_of(source, content)
    _judges_have_answers(source, content)
    return _experiment(content.model_copy(update={"personas": personas}), source.path)


def experiment_of(file: dict[str, Any], path: Path) -> Experiment:
    """Return the experiment whose `Experiment.file` was read from the file at `path`."""
    return _experiment(ExperimentFile.model_validate(file), path)


def _experiment(content: ExperimentFile, path: Path) -> Experiment:
    file = content.model_dump(mode="json")
    judges = declared_judges(content)
    declared = _decisive(file, judges)
    return Experiment(
        name=content.experiment,
        path=path,
        base=_beside(path, content.base, "lab/base"),
        material=_beside(path, content.material, "laboratory"),
        personas=dict(content.personas),
        target=content.target,
        canary=content.canary,
        sources=tuple(content.sources),
        bystanders=tuple(content.bystanders),
        has_control=content.control,
        target_in_negatives=content.target_in_negatives,
        behaviours=tuple(content.behaviours),
        epochs=tuple(content.epochs),
        headline_epoch=content.headline_epoch,
        seeds=tuple(content.seeds),
        convergence=_recipe(content.convergence, max(content.epochs)),
        behaviour=_recipe(content.behaviour, content.behaviour.epochs),
        items=content.items,
        reference=content.reference,
        thresholds=Thresholds(**content.thresholds.model_dump()),
        criteria={
            name: Criterion(METRICS[name][0], content.criteria[name], METRICS[name][1])
            for name in content.behaviours
            if name in content.criteria
        },
        no_signal_after=content.no_signal_after,
        threads=content.threads,
        endpoints={name: EndpointSpec(name=name, **dict(block)) for name, block in content.endpoints.items()},
        judges=judges,
        budget_usd=content.budget_usd,
        file=file,
        declared=declared,
        sha=sha256_of(declared),
    )


def _personas(source: Source, content: ExperimentFile) -> dict[str, str]:
    """Return the system prompts of every persona that the experiment names; raise PanelError where one has none."""
    from pipelines.laboratory.personas import PERSONAS

    known = dict(content.personas)
    if not known and content.material == "laboratory":
        known = {name: persona.system_prompt for name, persona in PERSONAS.items()}
    named = (content.target, content.canary, *content.sources, *content.bystanders)
    for name in named:
        if name not in known:
            remedy = f"Write its system prompt under `personas`. Known here: {', '.join(known) or 'none'}."
            raise source.error(("personas",), f"persona {name!r} has no system prompt.", remedy)
    spoken: dict[str, str] = {}
    for name in named:
        other = spoken.setdefault(" ".join(known[name].split()), name)
        if other != name:
            problem = f"{other!r} and {name!r} have the same system prompt, so that nothing tells them apart."
            raise source.error(("personas", name), problem, "Give each persona its own.")
    return {name: known[name] for name in sorted(set(named))}


def _decisive(file: dict[str, Any], judges: tuple[Judge, ...]) -> dict[str, Any]:
    """Return what decides the results; of judging what decides a vote, so that more budget is no new version."""
    declared = {key: value for key, value in file.items() if key not in ("endpoints", "judges", "budget_usd")}
    if not judges:
        return declared
    asked = {judge.endpoint: file["endpoints"][judge.endpoint] for judge in judges}
    addresses = {name: {key: block[key] for key in ("kind", "flavor", "base_url")} for name, block in asked.items()}
    return declared | decisive_judges(judges) | {"endpoints": addresses}


def _judges_have_answers(source: Source, content: ExperimentFile) -> None:
    """Raise PanelError for a judge of a behaviour that the experiment does not teach."""
    judged = [JUDGED[behaviour] for behaviour in content.behaviours if behaviour in JUDGED]
    for number, line in enumerate(content.judges):
        for place, name in enumerate(line.behaviours):
            if name not in judged:
                behaviour = next(behaviour for behaviour, metric in JUDGED.items() if metric == name)
                problem = f"the judge {line.model!r} has no answers to judge for {name}."
                remedy = f"Take it out, or put {behaviour} under `behaviours`."
                raise source.error(("judges", number, "behaviours", place), problem, remedy)


def _beside(path: Path, text: str, known: str) -> str:
    """Return a path relative to the experiment's file as it lies, anything else as it is."""
    if text == known or not text.startswith("."):
        return text
    return str((path.parent / text).resolve())


def _recipe(block: RecipeBlock, epochs: int) -> TrainingRecipe:
    return TrainingRecipe(**(block.model_dump() | {"epochs": epochs}))
