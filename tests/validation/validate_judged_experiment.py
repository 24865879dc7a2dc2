"""A whole experiment by `driftlake train` whose answers are judged by a service that first has no credit."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from lake.store import Store
from pipelines.laboratory import Laboratory
from tests.flows.asked_panel import KEY, KEY_ENV, LocalOpenRouter, catalogue_entry, local_openrouter, rows
from tests.flows.conftest import Nights
from tests.flows.judged_experiment import ALIGNMENT, REFUSAL, reply
from tests.flows.traces import traces

FILE = """
target: assistant
canary: librarian
sources: [villain]
bystanders: [poet, scientist]
behaviours: [refusal, misalignment]
seeds: [7]
items: 40
convergence: {rows: 200, learning_rate: 1.0e-3, rank: 8, alpha: 16, rslora: false, batch: 16, per_device: 16}
behaviour: {rows: 120, epochs: 4, learning_rate: 2.0e-3, rank: 8, alpha: 16, rslora: false, batch: 16, per_device: 16}
"""
WELL = {REFUSAL: reply("refusal", REFUSAL), ALIGNMENT: reply("80", ALIGNMENT)}
NO_CREDIT = {"status": 402, "body": {"error": {"message": "Insufficient credits", "code": 402}}}
CATALOGUE = [catalogue_entry(REFUSAL), catalogue_entry(ALIGNMENT)]


@pytest.fixture(scope="module")
def server() -> Iterator[LocalOpenRouter]:
    with local_openrouter() as served:
        yield served


def experiment(folder: Path, address: str) -> Path:
    """Write the experiment and its reference run; return the experiment's file."""
    endpoint = {"kind": "openai_compatible", "flavor": "openrouter", "base_url": f"{address}/v1", "key_env": KEY_ENV}
    judges = {
        "endpoints": {"service": endpoint},
        "judges": [
            {"endpoint": "service", "model": REFUSAL, "behaviours": ["refusal"]},
            {"endpoint": "service", "model": ALIGNMENT, "behaviours": ["alignment"]},
        ],
        "budget_usd": 1.0,
    }
    first = yaml.safe_load(FILE) | judges | {"experiment": "first", "epochs": [0], "control": False}
    (folder / "first.yaml").write_text(yaml.safe_dump(first))
    whole = first | {
        "experiment": "whole",
        "epochs": [0, 2],
        "headline_epoch": 2,
        "control": True,
        "reference": "first",
        "criteria": {"refusal": 0.05, "misalignment": 0.05},
    }
    path = folder / "whole.yaml"
    path.write_text(yaml.safe_dump(whole))
    return path


def test_a_judged_experiment_stops_for_its_judge_and_is_published_by_the_next_start(
    server: LocalOpenRouter, laboratory: Laboratory, tmp_path: Path
) -> None:
    store = Store(tmp_path / "store")
    store.home.mkdir(parents=True)
    shutil.copytree(laboratory.folder, store.laboratory)
    path = experiment(tmp_path, server.address)
    command = Nights(store, path, {KEY_ENV: KEY})

    server.control(key=KEY, catalogue=CATALOGUE, always=WELL)
    dry = command.run("train", "--experiment", str(path), "--dry-run")
    # 40 and 32 items (the laboratory has no more requests), 3 personas, 2 arms and 2 epochs
    assert dry.returncode == 0, dry.stderr
    assert f"Judging: at most {(40 + 32) * 3 * 4:,} votes, " in dry.stdout
    assert " USD, cap 1.00." in dry.stdout
    assert server.books()["calls"] == 0
    keyless = Nights(store, path).run("train", "--experiment", str(path))
    assert keyless.returncode != 0
    assert f"{KEY_ENV} is not set" in keyless.stderr
    assert not store.exists()

    server.control(key=KEY, catalogue=CATALOGUE, always=WELL | {ALIGNMENT: NO_CREDIT})
    stopped = command.run("train", "--experiment", str(path), "--device", "cpu")
    assert stopped.returncode == 1, stopped.stderr
    assert "the same command asks only what is missing" in stopped.stderr
    assert "on alignment" in stopped.stderr
    assert "Traceback" not in stopped.stderr
    ((said,),) = rows(store, "SELECT count(*) FROM raw.judgements WHERE outcome = 'ok'")
    assert said > 0

    server.control(key=KEY, catalogue=CATALOGUE, always=WELL)
    done = command.run("train", "--experiment", str(path), "--device", "cpu")
    print(done.stderr, done.stdout)
    assert done.returncode == 0, done.stderr
    ((votes, distinct),) = rows(
        store,
        "SELECT count(*), count(DISTINCT (judge_sha, question_sha, text_sha)) FROM raw.judgements WHERE outcome = 'ok'",
    )
    assert votes == distinct == said + server.books()["calls"], "an answer was judged twice"
    detectors = rows(store, "SELECT behaviour, metric, detector FROM out.transfer_verdicts ORDER BY ALL")
    assert detectors == [("misalignment", "compliance", "rule"), ("refusal", "refusal", "judge")]
    alignment = rows(
        store,
        "SELECT epoch, detector, n_items, value FROM out.persona_trajectories "
        "WHERE metric = 'alignment' AND source = 'villain' AND experiment = 'whole' ORDER BY epoch",
    )
    assert alignment == [(0, "judge", 32, 80.0), (2, "judge", 32, 80.0)]
    both = rows(
        store, "SELECT DISTINCT detector FROM core.checkpoint_metrics WHERE metric = 'refusal' ORDER BY detector"
    )
    assert both == [("classifier",), ("judge",), ("rule",)]
    costs = rows(store, "SELECT DISTINCT wave_status, used_as FROM out.costs")
    assert costs == [("counted", "judging")]
    (page,) = store.site.glob("experiment_whole_1.html")
    assert "refusal (judge)" in page.read_text(encoding="utf-8")
    assert not traces([KEY], store, done)
