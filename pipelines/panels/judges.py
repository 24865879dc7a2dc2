"""The judges of a panel as read from its file: off unless declared, pinned, one a behaviour."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from pipelines.enrichment.behaviours import prompt_sha, prompt_versions
from pipelines.panels.records import DeclaredPrice, Judge
from pipelines.panels.schema import JudgeLine, PanelFile
from pipelines.panels.settings import LENGTH_SETTINGS, refusal
from pipelines.panels.source import Location, Source, nearest

MAX_TOKENS = 16
"""Room for a label or a number; a judge that reasons first needs more, in its settings."""


def judges_of(source: Source, content: PanelFile) -> tuple[Judge, ...]:
    """Return a judge for each behaviour that is judged, in the order of the file.

    One vote is asked at temperature 0; several are asked at 1, or they would be one vote counted several times.
    Raises PanelError for an unknown endpoint or prompt, a setting that cannot be sent, and two judges of a behaviour.
    """
    judges: list[Judge] = []
    for number, line in enumerate(content.judges):
        _can_be_asked(source, content, number)
        settings = _defaults(line) | line.settings
        for place, behaviour in enumerate(line.behaviours):
            where = ("judges", number, "behaviours", place)
            _is_the_only_one(source, judges, where, line, behaviour)
            judges.append(
                Judge(
                    behaviour=behaviour,
                    endpoint=line.endpoint,
                    model=line.model,
                    served_as=line.served_as or line.model,
                    prompt_version=line.prompt_version,
                    prompt_sha=_prompt_sha(source, ("judges", number), behaviour, line.prompt_version),
                    settings=settings,
                    votes=line.votes,
                    price=DeclaredPrice(**dict(line.price)) if line.price else None,
                )
            )
    return tuple(judges)


def decisive_judges(judges: tuple[Judge, ...]) -> dict[str, Any]:
    """Return what decides the votes of a wave; nothing for a panel without judges, whose sha stays as it is."""
    shown = {judge.behaviour: {k: v for k, v in asdict(judge).items() if k != "price"} for judge in judges}
    return {"judges": shown} if judges else {}


def _defaults(line: JudgeLine) -> dict[str, Any]:
    length = {} if set(LENGTH_SETTINGS).intersection(line.settings) else {"max_tokens": MAX_TOKENS}
    return {"temperature": 0 if line.votes == 1 else 1} | length


def _can_be_asked(source: Source, content: PanelFile, number: int) -> None:
    line, where = content.judges[number], ("judges", number)
    endpoint = content.endpoints.get(line.endpoint)
    if endpoint is None or endpoint.kind != "openai_compatible":
        what = "a checkpoint" if endpoint else "an unknown"
        problem = f"the judge {line.model!r} names {what} endpoint {line.endpoint!r}."
        remedy = f"Judges are asked at an openai_compatible endpoint.{nearest(line.endpoint, content.endpoints)}"
        raise source.error((*where, "endpoint"), problem, remedy)
    if any(earlier.model == line.model for earlier in content.judges[:number]):
        problem = f"the judge {line.model!r} stands twice."
        raise source.error((*where, "model"), problem, "Write all its behaviours into one entry.")
    if (refused := refusal(line.settings, endpoint.flavor)) is not None:
        problem = f"the judge {line.model!r}: {refused.problem}"
        raise source.error((*where, "settings", refused.setting), problem, refused.remedy)


def _is_the_only_one(source: Source, judges: list[Judge], where: Location, line: JudgeLine, behaviour: str) -> None:
    earlier = next((judge for judge in judges if judge.behaviour == behaviour), None)
    if earlier is not None:
        problem = f"{behaviour} is judged by {earlier.model!r} and again by {line.model!r}."
        raise source.error(where, problem, "A comparison has one judge a behaviour: keep one of the two.")


def _prompt_sha(source: Source, where: Location, behaviour: str, version: str) -> str:
    known = prompt_versions(behaviour)
    if version not in known:
        problem = f"there is no version {version!r} of the judge's prompt for {behaviour}."
        raise source.error((*where, "prompt_version"), problem, f"There are: {', '.join(known)}.")
    return prompt_sha(behaviour, version)
