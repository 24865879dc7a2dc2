"""What the two names of a comparison stand for: waves, models of a wave, or groups of models. The lake decides."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from dashboards.comparing.records import Operand
from dashboards.wording import listed
from lake.catalog import quoted
from lake.errors import InputError
from lake.inert import one_line

if TYPE_CHECKING:
    import duckdb

FACTS = ("provider", "family", "architecture", "region", "open_weights", "role")
"""Facts of the roster that make a group; a value is written as the roster has it."""


def find_operands(
    connection: duckdb.DuckDBPyConnection, names: tuple[str, str], panel: str | None, wave: str | None
) -> tuple[Operand, Operand]:
    """Return what both names stand for.

    A wave is its wave_id or its date (of `panel`, where several panels have one); a model is a name of a roster; a
    group is fact=value. Models and groups are those of `wave`, by default the newest wave that has both. Raises
    InputError for a name that fits nothing, or both a wave and a model, and for two names of different kinds.
    """
    waves = _waves(connection)
    if panel is not None and panel not in {own for _, own in waves}:
        raise InputError(f"No published wave is of panel {panel!r}.{_nearest(panel, [own for _, own in waves])}")
    of_panel = [wave_id for wave_id, own in waves if panel in (None, own) or wave_id in names]
    models = _models(connection)
    kinds = [_kind(connection, name, of_panel, [wave_id for wave_id, _ in waves], models) for name in names]
    if kinds[0] != kinds[1]:
        raise InputError(
            f"{_shown(names[0])} is a {kinds[0]} and {_shown(names[1])} is a {kinds[1]}. "
            "Give two waves, two models or two groups."
        )
    if kinds[0] == "wave":
        if wave is not None:
            raise InputError("--wave says where models or groups were observed; two waves were given. Leave it out.")
        a, b = (Operand("wave", found, found) for found in (_wave(name, of_panel) for name in names))
        return a, b
    chosen = None if wave is None else _wave(wave, of_panel)
    find = _model if kinds[0] == "model" else _group
    return _in_one_wave(connection, names, chosen, of_panel, find)


def _kind(
    connection: duckdb.DuckDBPyConnection, name: str, of_panel: list[str], waves: list[str], models: dict[str, Any]
) -> str:
    is_wave = bool(_fitting(name, of_panel))
    is_model = name in models
    if is_wave and is_model:
        raise InputError(
            f"{_shown(name)} is both a wave and a model. Write the wave as panel/date: {_fitting(name, of_panel)[0]}; "
            "the model cannot be compared under this name."
        )
    if is_wave:
        return "wave"
    if is_model:
        return "model"
    fact, separator, _ = name.partition("=")
    if separator:
        if fact not in FACTS:
            raise InputError(
                f"{_shown(fact)} is no fact of a roster. Known: {', '.join(FACTS)}.{_nearest(fact, FACTS)}"
            )
        return "group"
    known = connection.execute(f"SELECT status FROM ops.waves WHERE wave_id = {quoted(name)}").fetchone()
    if known:
        raise InputError(
            f"Wave {_shown(name)} is {known[0]} and not in the lake as it is read here. "
            "`driftlake status` shows where the waves stand; --at reads another point."
        )
    dates = [wave_id.split("/", 1)[-1] for wave_id in waves]
    raise InputError(
        f"{_shown(name)} is no published wave, no model and no group (fact=value)."
        f"{_nearest(name, [*waves, *models, *dates])}"
    )


def _waves(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """Return (wave_id, panel) of what readers see, newest first."""
    found = connection.execute("SELECT wave_id, panel FROM core.waves ORDER BY wave_date DESC, wave_id DESC").fetchall()
    if not found:
        raise InputError("No wave is published here yet. `driftlake status` shows where the waves stand.")
    return found


def _models(connection: duckdb.DuckDBPyConnection) -> dict[str, None]:
    rows = connection.execute("SELECT DISTINCT model_requested FROM core.model_waves ORDER BY ALL").fetchall()
    return dict.fromkeys(row[0] for row in rows)


def _fitting(name: str, waves: list[str]) -> list[str]:
    """Return the waves that a name fits: one wave_id, or what follows the panel's name in some."""
    return [name] if name in waves else [wave_id for wave_id in waves if wave_id.split("/", 1)[-1] == name]


def _wave(name: str, waves: list[str]) -> str:
    fitting = _fitting(name, waves)
    if not fitting:
        raise InputError(f"{_shown(name)} is no published wave.{_nearest(name, waves)}")
    if len(fitting) > 1:
        raise InputError(f"{_shown(name)} is a wave of several panels: {listed(fitting)}. Name one, or give --panel.")
    return fitting[0]


def _in_one_wave(
    connection: duckdb.DuckDBPyConnection, names: tuple[str, str], chosen: str | None, waves: list[str], find: Any
) -> tuple[Operand, Operand]:
    for wave_id in waves if chosen is None else [chosen]:
        a, b = (find(connection, name, wave_id) for name in names)
        if a and b:
            return a, b
    where = "no wave has both" if chosen is None else f"{chosen} does not have both"
    newest = chosen or waves[0]
    lacking = [name for name in names if find(connection, name, newest) is None]
    known = _known_in(connection, newest, lacking[0])
    raise InputError(
        f"{_shown(names[0])} and {_shown(names[1])}: {where}. {newest} lacks {', '.join(map(_shown, lacking))}."
        f"{_nearest(lacking[0], known) or ' Its roster does not declare that fact.'}"
    )


def _model(connection: duckdb.DuckDBPyConnection, name: str, wave_id: str) -> Operand | None:
    asked = connection.execute(
        f"SELECT 1 FROM core.model_waves WHERE wave_id = {quoted(wave_id)} AND model_requested = {quoted(name)}"
    ).fetchone()
    return Operand("model", name, wave_id, (name,)) if asked else None


def _group(connection: duckdb.DuckDBPyConnection, name: str, wave_id: str) -> Operand | None:
    fact, _, value = name.partition("=")
    rows = connection.execute(
        f"SELECT DISTINCT model FROM raw.roster WHERE wave_id = {quoted(wave_id)} "
        f"AND lower(CAST({fact} AS VARCHAR)) = lower({quoted(value)}) ORDER BY ALL"
    ).fetchall()
    return Operand("group", name, wave_id, tuple(row[0] for row in rows), fact) if rows else None


def _known_in(connection: duckdb.DuckDBPyConnection, wave_id: str, name: str) -> list[str]:
    """Return what could have been meant: the models of the wave, or the values of a fact."""
    fact, separator, _ = name.partition("=")
    if not separator or fact not in FACTS:
        query = f"SELECT DISTINCT model_requested FROM core.model_waves WHERE wave_id = {quoted(wave_id)} ORDER BY ALL"
        return [row[0] for row in connection.execute(query).fetchall()]
    query = f"SELECT DISTINCT CAST({fact} AS VARCHAR) FROM raw.roster WHERE wave_id = {quoted(wave_id)} ORDER BY ALL"
    return [f"{fact}={row[0]}" for row in connection.execute(query).fetchall() if row[0] is not None]


def _nearest(name: str, known: Any) -> str:
    unique = list(dict.fromkeys(known))
    close = get_close_matches(name, unique, 3, 0.5)
    if not close:
        return f" There is {listed([_shown(known) for known in unique], 5)}." if unique else ""
    return f" Nearest: {', '.join(map(_shown, close))}."


def _shown(name: str) -> str:
    return one_line(name)
