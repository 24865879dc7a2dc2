"""The models over a cut of the lake: two waves as if they were all there is, computed where a reader reads.

The nightly build compares a wave with its previous and its first one. Any other two are compared by the same model
files: they run in memory over `core` and `raw` cut to these two waves, so that one is the other's reference, and
nothing is written. dbt itself would need seconds to start; of its language the models use `ref`, `source`, `var` and
macros.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from lake.catalog import quoted
from models_sql.run import PROJECT

if TYPE_CHECKING:
    import duckdb
    from jinja2 import Environment

SCHEMA = "cut"
_REFERENCE = re.compile(r"""\bref\(\s*['"](\w+)['"]\s*\)""")
_MACRO = re.compile(r"\{%-?\s*macro\s+(?P<name>\w+).*?endmacro\s*-?%\}", re.DOTALL)
_ALL_OF = ("embeddings",)
"""Tables of raw that belong to no wave: they are read whole."""


class CutWave(NamedTuple):
    """A wave that takes part, and the wave_id and panel it has in the cut."""

    wave_id: str
    as_wave_id: str
    as_panel: str


class _Returned(Exception):  # noqa: N818  (control flow of dbt's `return`, no error)
    def __init__(self, value: Any) -> None:
        self.value = value


class Cut:
    """Models built on demand over some waves, each once, as tables of the schema `cut`.

    `connection` is a reader's (lake.catalog.connect_reader); what it sees as core and raw is what takes part.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, waves: Sequence[CutWave]) -> None:
        self.connection, self.waves = connection, tuple(waves)
        self.built: set[str] = set()
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")

    def replace(self, name: str, query: str) -> None:
        """Let a query stand for a model, before anything that reads it is built."""
        self.connection.execute(f"CREATE OR REPLACE TABLE {SCHEMA}.{name} AS {query}")
        self.built.add(name)

    def build(self, name: str) -> str:
        """Build a model and all it is made of; return the table that holds it. Raises KeyError for an unknown name."""
        if name not in self.built:
            path = _files()[name]
            if path.parent.name == "core":
                self.replace(name, self._cut_of("core", name))
            else:
                for needed in sorted(set(_REFERENCE.findall(path.read_text(encoding="utf-8")))):
                    self.build(needed)
                self._run(name, path)
        return f"{SCHEMA}.{name}"

    def _run(self, name: str, path: Path) -> None:
        if path.suffix == ".sql":
            self.replace(name, self._environment.from_string(path.read_text(encoding="utf-8")).render())
            return
        module = importlib.import_module(".".join(path.relative_to(PROJECT.parent).with_suffix("").parts))
        made = module.model(_Dbt(self.connection, self._config(name, path)), self.connection)
        self.connection.register("_made", made)
        self.replace(name, "FROM _made")
        self.connection.unregister("_made")

    def source(self, schema: str, table: str) -> str:
        """Return the table that holds the rows of a source that belong to the waves."""
        name = f"{schema}__{table}"
        if name not in self.built:
            if table in _ALL_OF:
                return f"{schema}.{table}"
            self.replace(name, self._cut_of(schema, table))
        return f"{SCHEMA}.{name}"

    def _cut_of(self, schema: str, table: str) -> str:
        """Return the rows of a table that belong to the waves, under the names they have in the cut."""
        columns = {row[0] for row in self.connection.execute(f"DESCRIBE {schema}.{table}").fetchall()}
        sides = []
        for wave in self.waves:
            replaced = [f"{quoted(wave.as_wave_id)} AS wave_id"]
            if "panel" in columns:
                replaced.append(f"{quoted(wave.as_panel)} AS panel")
            sides.append(
                f"SELECT * REPLACE ({', '.join(replaced)}) FROM {schema}.{table} WHERE wave_id = {quoted(wave.wave_id)}"
            )
        return " UNION ALL ".join(sides)

    @cached_property
    def _environment(self) -> Environment:
        return _environment(lambda name: f"{SCHEMA}.{name}", self.source)

    def _config(self, name: str, path: Path) -> dict[str, Any]:
        """Return what the yml beside a model configures for it."""
        for file in sorted(path.parent.glob("*.yml")):
            for model in yaml.safe_load(file.read_text(encoding="utf-8")).get("models", []):
                if model["name"] == name:
                    return {
                        key: self._environment.from_string(str(value)).render()
                        for key, value in model.get("config", {}).items()
                    }
        return {}


class _Dbt:
    """What a Python model of the project asks of dbt: `ref` and `config`."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, values: Mapping[str, Any]) -> None:
        self.connection = connection
        self.config = _Config(values)
        self.this = SimpleNamespace()

    def ref(self, name: str) -> duckdb.DuckDBPyRelation:
        return self.connection.table(f"{SCHEMA}.{name}")


class _Config:
    def __init__(self, values: Mapping[str, Any]) -> None:
        self.get = values.get

    def __call__(self, **_: Any) -> None:
        """Take what a model says of itself; only dbt materializes."""


def _files() -> dict[str, Path]:
    return {path.stem: path for path in (PROJECT / "models").rglob("*") if path.suffix in (".sql", ".py")}


def _environment(ref: Callable[[str], str], source: Callable[[str, str], str]) -> Environment:
    """Return jinja with the project's macros and variables and with what dbt adds to it."""
    from jinja2 import Environment, StrictUndefined

    declared = yaml.safe_load((PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]
    environment = Environment(extensions=["jinja2.ext.do"], undefined=StrictUndefined)
    environment.globals |= {
        "ref": ref,
        "source": source,
        "var": lambda name, default=None: declared.get(name, default),
        "config": lambda **_: "",
        "return": _give_back,
        "execute": False,  # a macro that would read what the last build left reads nothing
        "target": SimpleNamespace(database="memory", schema=SCHEMA),
    }
    for path in sorted((PROJECT / "macros").glob("*.sql")):
        # each by itself, so that they find each other by the names that `return` works under
        for block in _MACRO.finditer(path.read_text(encoding="utf-8")):
            environment.globals[block["name"]] = _Macro(environment, block["name"], block[0])
    return environment


def _give_back(value: Any) -> None:
    raise _Returned(value)


class _Macro:
    """A macro that is compiled when all others are known, and whose `return` gives a value instead of text."""

    def __init__(self, environment: Environment, name: str, text: str) -> None:
        self.environment, self.name, self.text = environment, name, text

    @cached_property
    def compiled(self) -> Callable[..., Any]:
        macro: Callable[..., Any] = getattr(self.environment.from_string(self.text).module, self.name)
        return macro

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        try:
            return self.compiled(*arguments, **named)
        except _Returned as returned:
            return returned.value
