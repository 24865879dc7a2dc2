"""Fixtures of the whole suite: a laboratory trained once, and a tiny one for what need not be in character."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

# Threads that wait must sleep, not spin: on busy cores spinning makes training ten times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ["HF_HUB_OFFLINE"] = "1"

if TYPE_CHECKING:
    from pipelines.laboratory import Laboratory


def pytest_configure(config: pytest.Config) -> None:
    """Parse the dbt project once for all processes of a parallel run; dbt itself sees where it has changed since."""
    if not getattr(config.option, "numprocesses", None) or hasattr(config, "workerinput") or config.cache is None:
        return
    from models_sql.run import ANY_STORE, PROJECT

    target = Path(config.cache.mkdir("dbt"))
    project = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT), "--target-path", str(target)]
    command = ["parse", "--quiet", "--vars", json.dumps(ANY_STORE), *project, "--log-path", str(target)]
    subprocess.run([Path(sys.executable).with_name("dbt"), *command], check=True)
    os.environ["DBT_PARTIAL_PARSE_FILE_PATH"] = str(target / "partial_parse.msgpack")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest first: with them last, one of two processes waits for the other."""
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    """Return 0 for the nights that all wait for, which train the laboratory meanwhile, 1 for other flows, else 2."""
    if "played" in getattr(item, "fixturenames", ()):
        return 0
    return 1 if item.location[0].startswith("tests/flows/") else 2


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Send tests that share what is slow to make to one process (`--dist loadscope`).

    A file is one scope, with two exceptions: all of models_sql reads one lake, and each test of recovery plays nights
    of its own.
    """
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            if file.startswith("tests/models_sql/"):
                return "tests/models_sql"
            return nodeid if file.endswith("test_recovery.py") else file

    return Scheduling(config, log) if config.getvalue("dist") == "loadscope" else None


@pytest.fixture(scope="session")
def laboratory(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Laboratory:
    """Return the laboratory of the default recipe; trained at most once, kept between runs in pytest's cache."""
    from pipelines.laboratory import prepare_laboratory

    cache = getattr(request.config, "cache", None)
    return prepare_laboratory(Path(cache.mkdir("laboratory")) if cache else tmp_path_factory.mktemp("laboratory"))


@pytest.fixture(scope="session")
def tiny_laboratory(tmp_path_factory: pytest.TempPathFactory) -> Laboratory:
    """Return a laboratory trained for a second or two: the right files, models that babble."""
    from pipelines.checkpoints.recipes import LoraRecipe
    from pipelines.laboratory import prepare_laboratory
    from pipelines.laboratory.recipe import BaseRecipe, Experiment, LaboratoryRecipe

    recipe = LaboratoryRecipe(
        base=BaseRecipe(rows=320, vocabulary=500, hidden=32, intermediate=64, layers=2, heads=2, epochs=1, threads=1),
        experiments=(
            Experiment(
                "assistant-to-villain",
                target="assistant",
                source="villain",
                rows=24,
                lora=LoraRecipe(learning_rate=1e-2, save_epochs=(0, 1, 2), threads=1),
            ),
        ),
    )
    return prepare_laboratory(tmp_path_factory.mktemp("tiny"), lambda line: None, recipe)
