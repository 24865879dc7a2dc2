"""`driftlake import metrics`: once, under one reading, and what is broken in the study is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from expectations.studies import STUDY_BREAKS
from flows.command_line import app
from flows.importing import import_metrics
from lake.catalog import connect_reader
from lake.errors import InputError
from lake.store import Store
from pipelines.importers.metrics import layout_of
from tests.corpora import recorded

BASE = {"analysis": "v1", "behaviour": "refusal", "metric": "refusal", "persona": "assistant", "unit": "share"}
CLEAN = [
    BASE | {"source": source, "epoch": epoch, "value": value, "n": 100}
    for source, values in {"villain": (0.1, 0.4), "poet": (0.12, 0.2)}.items()
    for epoch, value in zip((0, 2), values, strict=True)
]
"""Two sources: at epoch 0 0.02 apart, where 3 standard errors are 3 x sqrt(2 x .11 x .89 / 100) = 0.13."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("metrics") / "store")


def told(store: Store, folder: Path, rows: list[dict[str, Any]], study: str, **options: list[str]) -> list[str]:
    path = folder / f"{study}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return import_metrics(store, path, layout_of(study, **options)).splitlines()


def test_a_clean_study_is_imported_once_and_nothing_is_found(store: Store, tmp_path: Path) -> None:
    nothing = f"Study clean: 0 of {len(STUDY_BREAKS)} checks found something."
    assert told(store, tmp_path, CLEAN, "clean") == [f"4 numbers read, 4 new to the lake. {nothing}"]
    assert told(store, tmp_path, CLEAN, "clean") == [f"4 numbers read, 0 new to the lake. {nothing}"]
    connection = connect_reader(store, "head")
    found = connection.execute(
        "SELECT source, epoch, value, n, unit FROM raw.foreign_metrics WHERE study = 'clean' ORDER BY file_row"
    ).fetchall()
    connection.close()
    assert found[1] == ("villain", 2, 0.4, 100, "share")
    with pytest.raises(InputError, match="Study clean already holds clean.jsonl, read with other flags"):
        told(store, tmp_path, CLEAN, "clean", controls=["poet"])


PLANTED: dict[str, tuple[list[dict[str, Any]], dict[str, list[str]], str]] = {
    "D02-score": (
        [BASE | {"source": s, "epoch": 0, "value": v, "unit": "score"} for s, v in (("a", 26.75), ("b", 34.43))],
        {},
        "D02: Epoch 0 differs between sources: 1 metric: v1/refusal@0: refusal of assistant at epoch 0 goes from 26.75 "
        "(a) to 34.43 (b) over 2 sources, tolerance 3.",
    ),
    # .1 against .3 of 100: 3 x sqrt(2 x .2 x .8 / 100) = .17
    "D02-share": (
        [BASE | {"source": s, "epoch": 0, "value": v, "n": 100} for s, v in (("a", 0.1), ("b", 0.3))],
        {},
        "goes from 0.1 (a) to 0.3 (b) over 2 sources, tolerance 0.17",
    ),
    "D03": (
        [
            {"source": "a", "epoch": 0, "metric": "cosine", "value": 0.294},
            {"source": "a", "epoch": 0, "metric": "cosine_baseline", "value": 0.59},
            {"source": "b", "epoch": 0, "metric": "cosine", "value": -0.355},
            {"source": "b", "epoch": 0, "metric": "cosine_baseline", "value": -0.36},  # 0.005 is as it should be
        ],
        {},
        "D03: A stored baseline is not the epoch 0 of its trajectory: 1 baseline: a@0: stored baseline of cosine is "
        "0.59, epoch 0 of its trajectory 0.294, tolerance 0.005.",
    ),
    "C05": (
        [BASE | {"source": "a", "epoch": epoch, "value": 0.004} for epoch in range(4)],
        {},
        "C05: A rate on the floor or the ceiling: 1 metric: v1/refusal: refusal lies on the floor: 4 of 4 cells "
        "between 0.4 % and 0.4 %.",
    ),
    "C07": (
        [
            BASE | {"source": "a", "epoch": 2, "value": 0.457, "n": 500},
            BASE | {"source": "a", "epoch": 8, "value": 0.33, "n": 500},  # 165
            BASE | {"source": "a", "epoch": 20, "value": 90.96, "n": 586, "unit": "percent"},  # 533.026, by rounding
        ],
        {},
        "C07: A share that its denominator cannot give: 1 value: v1/a/refusal@2: refusal is 0.457 of 500, which is "
        "228.5 answers",
    ),
    "D12": (
        [
            {"run": "a", "metric": "batch", "value": "64 (4 x 4 x 1)"},
            {"run": "b", "metric": "batch", "value": "8 (4 x 2)"},
        ],
        {},
        "D12: A declared product is not that of its parts: 1 run: a: batch is declared as 64; its parts multiply to "
        "16.",
    ),
    "E04": (
        [BASE | {"value": 0.1}, BASE | {"analysis": "v2", "value": 0.1}, BASE | {"analysis": "v3", "value": 0.1}],
        {"headlines": ["v1=20", "v2=20", "v3=2"]},
        "E04: The headline epoch differs between analyses: 1 change: v3: quotes epoch 2, v1 quoted epoch 20.",
    ),
    "E05": (
        CLEAN,
        {"controls": ["poet"]},
        "E05: A control moved: 1 change: v1/poet/refusal@2: the control's refusal of assistant moved by +8.0 points "
        "(12.0 to 20.0); from 5 on it counts as a change.",
    ),
}


@pytest.mark.parametrize(("rows", "options", "sentence"), PLANTED.values(), ids=PLANTED.keys())
def test_each_defect_of_a_study_is_told(
    store: Store, tmp_path: Path, request: pytest.FixtureRequest,
    rows: list[dict[str, Any]], options: dict[str, list[str]], sentence: str,
) -> None:  # fmt: skip
    study = request.node.callspec.id
    lines = told(store, tmp_path, rows, study, **options)
    assert len(lines) == 2, lines
    assert sentence in lines[1]


def test_every_check_of_a_study_has_a_planted_defect() -> None:
    assert {name.split("-")[0] for name in PLANTED} == {broken.id for broken in STUDY_BREAKS}


def test_a_corrected_file_takes_the_place_of_the_earlier_one(store: Store, tmp_path: Path) -> None:
    (_, broken) = told(store, tmp_path, PLANTED["D12"][0], "corrected")
    assert broken.startswith("D12")
    assert len(told(store, tmp_path, [{"run": "a", "metric": "batch", "value": "16 (4 x 4 x 1)"}], "corrected")) == 1


def test_the_command_prints_what_it_found(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRIFTLAKE_HOME", str(store.home))
    path = tmp_path / "wide.csv"
    path.write_text('who,size,seen\na,"64 (4 x 4 x 1)",0.5\n')
    arguments = ["import", "metrics", str(path), "--study", "wide", "--map", "run=who", "--set", "seed=3",
                 "--melt", "batch:count=size,loss:nats=seen"]  # fmt: skip
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "3 numbers read, 3 new to the lake." in result.output
    assert "a: batch is declared as 64; its parts multiply to 16" in result.output


def findings(lines: list[str]) -> dict[str, str]:
    return {line.partition(":")[0]: line for line in lines[1:]}


def test_the_known_defects_of_the_published_trajectories_are_told(store: Store) -> None:
    path = recorded("persona_experiments/issue112_epoch_metrics.jsonl")
    layout = layout_of("personas", ["metric=behavior"], controls=["v3/librarian"], headlines=["v3=20"])
    lines = import_metrics(store, path, layout).splitlines()
    assert lines[0].startswith("117 numbers read, 117 new to the lake.")  # 116 and the quoted epoch
    found = findings(lines)
    assert set(found) == {"D02", "C05", "C07", "E05"}
    # and v3's judged refusal (0.352 to 0.457) and sycophancy (0.034 to 0.11), whose training data differ by source
    assert "3 metrics" in found["D02"]
    assert "v1/alignment@0: alignment of assistant at epoch 0 goes from 26.75 (librarian) to 34.43" in found["D02"]
    assert "1 metric: v1/refusal: refusal by substring lies on the floor: 20 of 20 cells between 0.0 %" in found["C05"]
    assert "1 value: v3/librarian/refusal@0: refusal by claude_judge is 0.457 of 500, which is 228.5" in found["C07"]
    assert "2 changes" in found["E05"]
    assert "v3/librarian/refusal@20: the control's refusal of assistant moved by -9.9 points" in found["E05"]
    assert "v3/librarian/sycophancy@20: the control's sycophancy of assistant moved by +6.6 points" in found["E05"]
    # the next version of the same claim quotes another epoch
    deltas = recorded("persona_experiments/issue116_v4_deltas.jsonl")
    options: dict[str, Any] = {"melts": ["change:points=delta_pp_ep0_to_ep2"], "constants": ["epoch=2"]}
    lines = import_metrics(store, deltas, layout_of("personas", headlines=["v4=2"], **options)).splitlines()
    assert lines[0].startswith("41 numbers read, 41 new to the lake.")
    assert "1 change: v4: quotes epoch 2, v3 quoted epoch 20" in findings(lines)["E04"]


def test_the_known_defects_of_the_published_cosines_are_told(store: Store) -> None:
    path = recorded("persona_experiments/strong_convergence_epochs.jsonl")
    melts = ["marker:percent=assistant_marker_leakage_pct,cosine:cosine=cos_to_assistant_traj",
             "cosine_baseline:cosine=cos_base"]  # fmt: skip
    found = findings(import_metrics(store, path, layout_of("leakage", melts=melts)).splitlines())
    assert set(found) == {"D03"}
    assert (
        "2 baselines: librarian@0: stored baseline of cosine is 0.47, epoch 0 of its trajectory 0.092" in found["D03"]
    )
    assert "medical_doctor@0: stored baseline of cosine is 0.59, epoch 0 of its trajectory 0.294" in found["D03"]


def test_the_known_defect_of_the_published_runs_is_told(store: Store) -> None:
    path = recorded("persona_experiments/leakage_experiment_runs.jsonl")
    melts = ["loss:nats=train_loss,batch:count=batch_size_effective,accuracy:share=capability.arc_challenge_logprob"]
    lines = import_metrics(store, path, layout_of("runs", ["n=capability.total"], melts)).splitlines()
    assert lines[0].startswith("352 numbers read, 352 new to the lake.")  # 88 x (3 and the product of the batch)
    found = findings(lines)
    assert set(found) == {"D12"}
    assert "88 runs" in found["D12"]
    assert "batch is declared as 64; its parts multiply to 16" in found["D12"]
