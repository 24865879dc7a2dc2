"""The judges of a panel or experiment as read from its file: off unless declared, pinned, one a behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Protocol

from pipelines.enrichment.behaviours import prompt_sha, prompt_versions
from pipelines.panels.records import DeclaredPrice, Judge
from pipelines.panels.schema import EndpointBlock, JudgeLine
from pipelines.panels.settings import LENGTH_SETTINGS, refusal
from pipelines.panels.source import Location, Source, nearest

MAX_TOKENS = 16
"""Room for a label or a number; a judge that reasons first needs more, in its settings."""


class DeclaresJudges(Protocol):
    """The content of a file with judges: a panel or a persona experiment."""

    @property
    def endpoints(self) -> dict[str, EndpointBlock]:
        """Endpoints by name."""

    @property
    def judges(self) -> list[JudgeLine]:
        """A line a judge."""


def judges_of(source: Source, content: DeclaresJudges) -> tuple[Judge, ...]:
    """Return a judge for each behaviour that is judged, in the order of the file.

    Raises PanelError for an unknown endpoint or prompt, a setting that cannot be sent, and two judges of a behaviour.
    """
    judging: dict[str, str] = {}
    for number, line in enumerate(content.judges):
        _can_be_asked(source, content, number)
        for place, behaviour in enumerate(line.behaviours):
            _is_the_only_one(source, judging, ("judges", number, "behaviours", place), line, behaviour)
            _prompt_is_there(source, ("judges", number), behaviour, line.prompt_version)
            judging[behaviour] = line.model
    return declared_judges(content)


def declared_judges(content: DeclaresJudges) -> tuple[Judge, ...]:
    """Return the judges of a content that `judges_of` took before.

    One vote is asked at temperature 0; several are asked at 1, or they would be one vote counted several times.
    """
    return tuple(
        Judge(
            behaviour=behaviour,
            endpoint=line.endpoint,
            model=line.model,
            served_as=line.served_as or line.model,
            prompt_version=line.prompt_version,
            prompt_sha=prompt_sha(behaviour, line.prompt_version),
            settings=_defaults(line) | line.settings,
            votes=line.votes,
            price=DeclaredPrice(**dict(line.price)) if line.price else None,
        )
        for line in content.judges
        for behaviour in line.behaviours
    )


def decisive_judges(judges: tuple[Judge, ...]) -> dict[str, Any]:
    """Return what decides the votes of a wave; nothing for a panel without judges, whose sha stays as it is."""
    shown = {judge.behaviour: {k: v for k, v in asdict(judge).items() if k != "price"} for judge in judges}
    return {"judges": shown} if judges else {}


def _defaults(line: JudgeLine) -> dict[str, Any]:
    length = {} if set(LENGTH_SETTINGS).intersection(line.settings) else {"max_tokens": MAX_TOKENS}
    return {"temperature": 0 if line.votes == 1 else 1} | length


def _can_be_asked(source: Source, content: DeclaresJudges, number: int) -> None:
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


def _is_the_only_one(
    source: Source, judging: Mapping[str, str], where: Location, line: JudgeLine, behaviour: str
) -> None:
    if behaviour in judging:
        problem = f"{behaviour} is judged by {judging[behaviour]!r} and again by {line.model!r}."
        raise source.error(where, problem, "A comparison has one judge a behaviour: keep one of the two.")


def _prompt_is_there(source: Source, where: Location, behaviour: str, version: str) -> None:
    known = prompt_versions(behaviour)
    if version not in known:
        problem = f"there is no version {version!r} of the judge's prompt for {behaviour}."
        raise source.error((*where, "prompt_version"), problem, f"There are: {', '.join(known)}.")
