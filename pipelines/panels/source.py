"""A YAML file whose every value knows its line, so that an error can point at it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from lake.errors import PanelError

Location = tuple[int | str, ...]
"""Where a value lies in its file: keys and positions from the top, e.g. ("roster", 2, "model")."""

Shape = TypeVar("Shape", bound=BaseModel)

_STRING = "tag:yaml.org,2002:str"
_DEEPEST = 16
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WORDING = {
    "string_type": "should be text, not {given}",
    "int_type": "should be a whole number, not {given}",
    "float_type": "should be a number, not {given}",
    "bool_type": "should be true or false, not {given}",
    "list_type": "should be a list, not {given}",
    "dict_type": "should be made of `key: value`, not {given}",
    "model_type": "should be made of `key: value`, not {given}",
    "string_pattern_mismatch": "cannot be {given}",
    "too_short": "is empty",
}
"""Findings of pydantic in the words of a YAML file; others are told as pydantic tells them."""

_SCALARS = yaml.constructor.SafeConstructor()


def invalid(problem: str, remedy: str, key: str | None = None) -> PydanticCustomError:
    """Return the error a schema raises: `key` names the value below the validated one that is meant."""
    return PydanticCustomError("panel", "{problem}", {"problem": problem, "remedy": remedy, "key": key})


def nearest(word: str, known: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" for the known word most like `word`, or "" where none is alike."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f" Did you mean {close[0]!r}?" if close else ""


@dataclass(frozen=True)
class Source:
    """One YAML file as read: where it lies and its node tree."""

    path: Path
    root: yaml.Node

    @cached_property
    def data(self) -> object:
        """The file's content as plain values; raises PanelError on a repeated key."""
        return self._plain(self.root, 0)

    def line(self, location: Location) -> int:
        """Return the 1-based line of a value, or of the nearest value around it where it is absent."""
        node, line = self.root, self.root.start_mark.line
        for step in location:
            found = _child(node, step)
            if found is None:
                break
            line, node = found
        return line + 1

    def error(self, location: Location, problem: str, remedy: str) -> PanelError:
        """Return a PanelError that points at a value."""
        return PanelError(self.path, self.line(location), problem, remedy)

    def parse(self, shape: type[Shape], hints: dict[str, str]) -> Shape:
        """Return the content as `shape`; raise PanelError for the first wrong value in the file.

        `hints` says for each key, in a few words, what belongs there.
        """
        if not isinstance(self.data, dict):
            remedy = f"Begin it with `{next(iter(hints))}:` and a name."
            raise self.error((), "the file does not consist of `key: value` lines.", remedy)
        try:
            return shape.model_validate(self.data)
        except ValidationError as wrong:
            found = [self._explained(detail, hints) for detail in wrong.errors(include_url=False)]
            raise min(found, key=lambda error: error.line or 0) from None

    def _explained(self, detail: ErrorDetails, hints: dict[str, str]) -> PanelError:
        """Turn one finding of pydantic into a PanelError with line and remedy."""
        location, context = detail["loc"], detail.get("ctx", {})
        if detail["type"] == "panel":
            location = (*location, context["key"]) if context["key"] else location
            return self.error(location, context["problem"], context["remedy"])
        key = next((str(step) for step in reversed(location) if isinstance(step, str)), "")
        hint = f"`{key}` is {hints[key]}." if key in hints else "Correct the value."
        if detail["type"] == "missing":
            return self.error(location, f"the key {key!r} is missing{_within(location[:-1])}.", f"Add it: {hint}")
        given = detail["input"]
        near = nearest(str(given), str(context["expected"]).split("'")) if detail["type"] == "literal_error" else ""
        if detail["type"] == "string_type" and not isinstance(given, dict | list | None):
            hint = f"{hint} Put it in quotes."
        said = _WORDING.get(detail["type"], f"{detail['msg'].removeprefix('Input ')}, not {{given}}")
        problem = f"`{_dotted(location)}` {said.replace('{given}', _short(given))}.{near}"
        return self.error(location, problem, hint)

    def _plain(self, node: yaml.Node, depth: int) -> object:
        """Return a node's value as dict, list or scalar."""
        line = node.start_mark.line + 1
        if depth > _DEEPEST:
            raise PanelError(self.path, line, "values are nested too deeply.", "Remove the nesting.")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, depth)
        if isinstance(node, yaml.SequenceNode):
            return [self._plain(item, depth + 1) for item in node.value]
        if node.tag == _STRING:
            return node.value
        try:
            return _SCALARS.construct_object(node)
        except (yaml.YAMLError, ValueError):
            problem = f"{node.value!r} is not a value that can be read here."
            raise PanelError(self.path, line, problem, "Put it in quotes to mean text.") from None

    def _mapping(self, node: yaml.MappingNode, depth: int) -> dict[str, object]:
        values: dict[str, object] = {}
        for key, value in node.value:
            name = str(key.value)
            if name in values:
                line = key.start_mark.line + 1
                raise PanelError(self.path, line, f"the key {name!r} stands twice.", "Keep one of the two.")
            values[name] = self._plain(value, depth + 1)
        return values


def read_source(path: Path) -> Source:
    """Return the YAML file at `path`; raise PanelError where it is absent, unreadable, malformed or empty."""
    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=_LOADER)
    except FileNotFoundError:
        raise PanelError(path, None, "there is no such file.", "Check the path, or give the name of a panel.") from None
    except OSError as error:
        raise PanelError(path, None, f"cannot be read ({error.strerror}).", "Make it a readable file.") from None
    except UnicodeDecodeError as error:
        raise PanelError(path, None, f"is not UTF-8 text (byte {error.start}).", "Save it as UTF-8.") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        remedy = "Check indentation, colons and quotes here and on the line above."
        raise PanelError(path, line, f"malformed YAML: {error.problem}.", remedy) from None
    except yaml.YAMLError as error:
        raise PanelError(path, None, f"malformed YAML: {error}.", "Remove the character it names.") from None
    if root is None:
        raise PanelError(path, None, "the file is empty.", "Write a panel or a battery into it.")
    return Source(path, root)


def find_file(name_or_path: str | Path, folder: Path, kind: str) -> Path:
    """Return the file of a panel or battery (`kind`) given by path, or by name in `folder`.

    Raises PanelError that lists the names there are when no file is meant by it.
    """
    text = str(name_or_path)
    if isinstance(name_or_path, Path) or text.endswith((".yaml", ".yml")) or "/" in text:
        return Path(name_or_path).expanduser()
    path = folder / f"{text}.yaml"
    if path.is_file():
        return path
    known = names_in(folder)
    problem = f"there is no {kind} named {text!r}.{nearest(text, known)}"
    raise PanelError(path, None, problem, f"Name one of {', '.join(known)}, or give the path of a YAML file.")


def names_in(folder: Path) -> list[str]:
    """Return the names of the YAML files in `folder`, sorted."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def _child(node: yaml.Node, step: int | str) -> tuple[int, yaml.Node] | None:
    """Return the 0-based line and node of one value below `node`: a key's line in a mapping, else the item's."""
    if isinstance(node, yaml.MappingNode):
        return next(((key.start_mark.line, value) for key, value in node.value if key.value == str(step)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step].start_mark.line, node.value[step]
    return None


def _dotted(location: Location) -> str:
    """Return roster[2].model for ("roster", 2, "model"); positions count from 0."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in location)
    return text.removeprefix(".")


def _within(location: Location) -> str:
    return f" in `{_dotted(location)}`" if location else ""


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
