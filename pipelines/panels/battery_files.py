"""Batteries as read from YAML: every prompt checked, and the content held against the sha it was sealed with."""

from __future__ import annotations

import re
from pathlib import Path

from lake.errors import PanelError
from pipelines.panels.records import Battery, Prompt, sha256_of
from pipelines.panels.schema import BATTERY_HINTS, BatteryFile, PromptLine
from pipelines.panels.source import Source, find_file, read_source

BATTERIES = Path(__file__).parent / "batteries"
"""Folder of the batteries that are known by name."""

SEAL = "python -m pipelines.panels.seal"
"""The command that seals a battery file; `pipelines.panels.seal` says what that means."""


def load_battery(name_or_path: str | Path) -> Battery:
    """Return a battery by name (`batteries/<name>.yaml`) or by the path of its file.

    Raises PanelError with file, line and remedy where a prompt is wrong, ids or texts repeat, the declared
    count is not the count, or the content is not what the file's version was sealed with.
    """
    path = find_file(name_or_path, BATTERIES, "battery")
    source, content = read_battery(path)
    prompts = prompts_of(content)
    sha = content_sha(prompts)
    if not content.sha:
        raise source.error(("sha",), "the battery is not sealed.", f"Run `{SEAL} {path}`.")
    if content.sha != sha:
        remedy = f"Give it a new version and run `{SEAL} {path} --version NEW`, or restore what it held."
        raise source.error(("sha",), f"the battery changed under version {content.version}.", remedy)
    return Battery(content.battery, content.version, sha, prompts)


def read_battery(path: Path) -> tuple[Source, BatteryFile]:
    """Return a battery file and its content, all checked but its seal; raise PanelError as `load_battery` does."""
    source = read_source(path)
    content = source.parse(BatteryFile, BATTERY_HINTS)
    if wrong := _repeated(source, content):
        raise wrong
    if content.declared not in (None, len(content.prompts)):
        problem = f"{content.declared} prompts are declared, {len(content.prompts)} are there."
        raise source.error(("declared",), problem, "Correct `declared`, or restore the missing prompts.")
    return source, content


def prompts_of(content: BatteryFile) -> tuple[Prompt, ...]:
    """Return the prompts of a battery file, in file order."""
    return tuple(
        Prompt(line.id, line.capability, line.family, line.expected_behavior, _messages(line), line.reference)
        for line in content.prompts
    )


def content_sha(prompts: tuple[Prompt, ...]) -> str:
    """Return the SHA-256 of all that a battery says: ids, capabilities, families, behaviours, references, texts."""
    return sha256_of(
        [
            {
                "id": prompt.prompt_id,
                "capability": prompt.capability,
                "family": prompt.family,
                "expected_behavior": prompt.expected_behavior,
                "reference": prompt.reference,
                "messages": list(prompt.messages),
            }
            for prompt in prompts
        ]
    )


def _messages(line: PromptLine) -> tuple[dict[str, str], ...]:
    if line.turns is None:
        return ({"role": "user", "content": str(line.text)},)
    return tuple({"role": turn.role, "content": turn.content} for turn in line.turns)


def _repeated(source: Source, content: BatteryFile) -> PanelError | None:
    """Return the error for the first id or text that stands twice; case and spacing do not make a text new."""
    ids: dict[str, int] = {}
    texts: dict[str, int] = {}
    for number, line in enumerate(content.prompts):
        first = ids.setdefault(line.id, number)
        if first != number:
            problem = f"the id {line.id!r} stands twice (first on line {source.line(('prompts', first, 'id'))})."
            return source.error(("prompts", number, "id"), problem, "Give each prompt an id of its own.")
        words = " / ".join(f"{turn['role']}: {turn['content']}" for turn in _messages(line))
        first = texts.setdefault(re.sub(r"\s+", " ", words).strip().casefold(), number)
        if first != number:
            where = ("prompts", number, "text" if line.turns is None else "turns")
            problem = f"prompt {line.id!r} repeats the text of {content.prompts[first].id!r}."
            return source.error(where, problem, "Write a different question, or remove one of the two.")
    return None
