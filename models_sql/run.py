"""Running the dbt project in process: building core and out from raw and verdicts, and its documentation.

Nothing is written inside models_sql/: dbt's target and logs lie under the store's state folder. The parsed
project is kept for the life of the process, so that a second build starts at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lake.errors import NoLakeError, WaveError
from lake.store import Store
from pipelines.code_version import code_version

if TYPE_CHECKING:
    from dbt.cli.main import dbtRunnerResult
    from dbt.contracts.graph.manifest import Manifest

PROJECT = Path(__file__).parent

ANY_STORE = {"catalog": "catalog.sqlite", "data": "data", "candidate": ""}
"""Variables of parsing."""

_parsed_projects: list[Manifest] = []
"""The project as dbt parsed it, once a process."""


@dataclass(frozen=True)
class BuildResult:
    """What a build did: models built, tests passed, wall time in seconds."""

    models: int
    tests: int
    seconds: float


def build(
    store: Store, candidate: str | None = None, select: str | None = None, log: Path | None = None
) -> BuildResult:
    """Build core and out from the waves that passed and a candidate, and test them.

    `candidate` is the wave_id that takes part before its verdict, or several split by commas; `select` is dbt's
    node selection, all by default; `log` is the folder for dbt.log. Raises WaveError naming the model or test that
    failed and why; tables built before it are new, the others are as they were. Call it under the publishing lock.
    """
    if not store.exists():
        raise NoLakeError(store.home)
    command = ["build", *(["--select", select] if select else [])]
    result = _invoke(store, command, candidate, log)
    _require_success(result)
    nodes = list(result.result.results)  # type: ignore[union-attr]
    return BuildResult(
        models=sum(node.node.resource_type == "model" for node in nodes),
        tests=sum(node.node.resource_type == "test" for node in nodes),
        seconds=result.result.elapsed_time,  # type: ignore[union-attr]
    )


def docs(store: Store) -> Path:
    """Write dbt's documentation of every table; return the page (`dbt docs serve` shows it)."""
    if not store.exists():
        raise NoLakeError(store.home)
    _require_success(_invoke(store, ["docs", "generate"], None, None))
    return _state(store) / "target" / "index.html"


def _invoke(store: Store, command: list[str], candidate: str | None, log: Path | None) -> dbtRunnerResult:
    from dbt.cli.main import dbtRunner

    state = _state(store)
    folder = log or state / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    values = {
        "catalog": str(store.catalog),
        "data": str(store.data),
        "candidate": candidate or "",
        "code_version": code_version(),
    }
    try:
        return dbtRunner(manifest=_parsed(store)).invoke([*command, *_flags(state, folder)], vars=values)
    finally:
        _close_connections()


def _parsed(store: Store) -> Manifest:
    """Return the parsed project. Store and candidate are read later, when SQL is compiled.

    The variables are the same for every store, so that what dbt parsed for one serves another (its own
    DBT_PARTIAL_PARSE_FILE_PATH says where that lies); it checks by itself whether anything changed since.
    """
    from dbt.cli.main import dbtRunner

    if _parsed_projects:
        return _parsed_projects[0]
    state = _state(store)
    result = dbtRunner().invoke(["parse", *_flags(state, state / "logs")], vars=ANY_STORE)
    _require_success(result)
    _parsed_projects.append(result.result)  # type: ignore[arg-type]
    return _parsed_projects[0]


def _flags(state: Path, log: Path) -> list[str]:
    return [
        *("--project-dir", str(PROJECT)),
        *("--profiles-dir", str(PROJECT)),
        *("--target-path", str(state / "target")),
        *("--log-path", str(log)),
        *("--log-level", "none"),
        "--quiet",
        "--no-send-anonymous-usage-stats",
        "--no-use-colors",
    ]


def _state(store: Store) -> Path:
    return store.state / "dbt"


def _close_connections() -> None:
    """Let go of the catalog and of the working tables in memory."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    environment = DuckDBConnectionManager._ENV
    if environment is not None:
        environment.close()
    DuckDBConnectionManager.close_all_connections()


def _require_success(result: dbtRunnerResult) -> None:
    if result.success:
        return
    if result.exception is not None:
        raise WaveError(
            f"dbt could not start: {_one_line(str(result.exception))} "
            "Nothing was built; readers keep the last publication."
        ) from result.exception
    failed = [node for node in result.result.results if node.status in ("error", "fail")]  # type: ignore[union-attr]
    named = "; ".join(f"{node.node.name}: {_one_line(node.message or node.status)}" for node in failed[:3])
    raise WaveError(
        f"Building core and out failed at {named}. Readers keep the last publication; "
        "start the same command again once the cause is gone."
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())[:400]
