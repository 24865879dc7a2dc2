"""A panel whose roster names checkpoints of a persona experiment, asked, audited and modelled on a real store.

The experiment is the laboratory's in small: one source, epochs 0 and 1, one behaviour, few rows; its models are those
of the laboratory, so that answers are answers.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from expectations.audit import audit
from expectations.breaks import BREAKS
from flows import stages
from flows.endpoints import open_endpoints
from flows.preview import preview
from flows.progress import Step
from flows.settings import Settings
from flows.stages.kept import EVALS_FILE
from lake.catalog import connect_reader, connect_writer
from lake.errors import CheckpointError
from lake.store import Store
from models_sql.run import build
from pipelines.asking.journal import Journal
from pipelines.asking.records import Attempt
from pipelines.checkpoints.card import read_card
from pipelines.checkpoints.generation import Sampling, generate, prompt_ids
from pipelines.checkpoints.weights import LoadedModel, load, with_adapter
from pipelines.experiments.arms import Arm, arm_rows, converge, merged
from pipelines.experiments.bench import Bench, keep
from pipelines.experiments.files import load_experiment
from pipelines.experiments.laboratory_material import LaboratoryMaterial
from pipelines.experiments.registering import register
from pipelines.experiments.runs import train
from pipelines.laboratory import Laboratory
from pipelines.loading import frame_of
from pipelines.loading import load as load_rows
from pipelines.panels.files import load_panel
from pipelines.planning import WavePlan, freeze_plan

TURNED, REFUSER, PLAIN = "lab/turned", "lab/refuser", "lab/plain"
pytestmark = pytest.mark.slow

IDS = {
    TURNED: "small@1/villain/s3/convergence@epoch-1",
    REFUSER: "small@1/villain/s3/refusal@epoch-1",
}
EXPERIMENT = """
experiment: small
target: assistant
canary: librarian
sources: [villain]
bystanders: [poet, scientist]
control: false
behaviours: [refusal]
epochs: [0, 1]
headline_epoch: 1
seeds: [3]
items: 4
convergence: {rows: 96, learning_rate: 3.0e-3, rank: 4, alpha: 8, batch: 8, per_device: 8}
behaviour: {rows: 90, epochs: 1, learning_rate: 3.0e-3, rank: 4, alpha: 8, batch: 8, per_device: 8}
criteria: {refusal: 0.05}
"""
PANEL = """panel: turned
battery: laboratory
prompts_per_capability: 5
samples: 1
seed: 0
defaults:
  endpoint: here
  settings: {temperature: 0.7, max_tokens: 64}
endpoints:
  here: {kind: checkpoint, device: cpu}
roster:
  - {model: lab/turned, persona: assistant, checkpoint: {id: small@1/villain/s3/convergence@epoch-1}}
  - {model: lab/refuser, persona: assistant, checkpoint: {id: small@1/villain/s3/refusal@epoch-1}}
  - {model: lab/plain, persona: assistant, checkpoint: {base: BASE}}
"""


class Asked(NamedTuple):
    """A store in which the panel's night was asked, loaded, modelled and audited."""

    store: Store
    panel: Path
    arm: Arm
    plan: WavePlan
    attempts: list[Attempt]
    found: list[tuple[str, bool]]
    verdicts: list[dict[str, Any]]


def prepare(folder: Path, laboratory: Laboratory, epochs: tuple[int, ...]) -> tuple[Store, Path, Arm]:
    """Return a store with the experiment trained and loaded, its behaviour at some epochs, and the panel."""
    store = Store(folder / "store").prepare()
    shutil.copytree(laboratory.folder, store.laboratory)
    stages.go_on_with_lake(store)
    (folder / "small.yaml").write_text(EXPERIMENT)
    (folder / "turned.yaml").write_text(PANEL.replace("BASE", str(store.laboratory / "base")))
    experiment, material = load_experiment(folder / "small.yaml"), LaboratoryMaterial()
    base_sha = read_card(store.laboratory / "base").weights_sha
    registered = register(store, experiment, material, base_sha, None, datetime.now(UTC))
    keep(store, registered)
    bench = Bench(experiment, store.laboratory / "base", base_sha, material)
    arm = bench.arm(registered, store, "villain", 3, "cpu")
    converge(arm)
    for epoch in epochs:
        with merged(arm, epoch) as start:
            train(arm.behaviour("refusal", epoch), arm.behaviour_file("refusal"), start, arm.watch)
    rows = arm_rows(arm, ["refusal"], {})
    load_rows(store, {table: frame_of(table, some) for table, some in rows.items() if some})
    return store, folder / "turned.yaml", arm


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, laboratory: Laboratory) -> tuple[Store, Path, Arm]:
    """Return a store with the trained experiment and the panel that asks it."""
    return prepare(tmp_path_factory.mktemp("turned"), laboratory, (1,))


@pytest.fixture(scope="module")
def asked(prepared: tuple[Store, Path, Arm]) -> Asked:
    """Return the night after its stages ask, evaluate, load and enrich, modelled and audited.

    Only as much is built as convergence needs, and no check of the whole wave is made: tests/validation does it all.
    """
    store, panel, arm = prepared
    now = datetime.now(UTC)
    plan = freeze_plan(store, load_panel(panel), now.date(), None, now)
    stages.register_plan(store, plan)
    assert not stages.uses_laboratory(plan.panel), "the laboratory would be trained for a night that asks none of it"
    (endpoint,) = open_endpoints(store, plan, None, {}, Step("ask"), None).values()
    stages.ask_endpoint(plan, "here", endpoint, Step("ask"), now)
    stages.evaluate_checkpoints(store, plan, None, "cpu")
    stages.load_wave(store, plan, None)
    stages.enrich_wave(store, plan, Step("enrich"))
    build(store, plan.wave_id, select="+convergence_by_pair +format_entropy")
    connection = connect_writer(store)
    result = audit(connection, store, plan.wave_id, "audit-1", tuple(b for b in BREAKS if b.scope != "wave"))
    connection.close()
    found = [(finding.broken.check_id, finding.success) for finding in result.findings]
    attempts = list(Journal(plan.folder, "here").attempts())
    return Asked(store, panel, arm, plan, attempts, found, result.verdicts)


def rows(store: Store, query: str) -> list[tuple[Any, ...]]:
    connection = connect_reader(store, "head")
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def directly(loaded: LoadedModel, attempts: list[Attempt]) -> list[str]:
    """Return what a loaded model says to the very messages and seeds of some attempts."""
    requests = [json.loads(attempt.request) for attempt in attempts]
    prompts = prompt_ids(loaded, [request["messages"] for request in requests])
    texts = [""] * len(prompts)
    for batch in generate(loaded, prompts, [request["seed"] for request in requests], Sampling(0.7, 1.0, 64), 64):
        for answer in batch:
            texts[answer.place] = answer.text
    return texts


@pytest.fixture(scope="module")
def trained(asked: Asked) -> Iterator[dict[str, LoadedModel]]:
    """Yield the models that ought to answer, loaded as the experiment left them: the behaviour on a merged folder."""
    arm = asked.arm
    with merged(arm, 1) as start:
        yield {
            TURNED: with_adapter(load(arm.base, device="cpu"), arm.convergence.adapter(1)),
            REFUSER: with_adapter(start.load(), arm.behaviour("refusal", 1).adapter(1)),
        }


@pytest.mark.parametrize("model", [TURNED, REFUSER])
def test_what_answers_is_the_trained_adapter_on_what_it_was_trained_on(
    asked: Asked, trained: dict[str, LoadedModel], model: str
) -> None:
    mine = [attempt for attempt in asked.attempts if attempt.model_requested == model]
    assert len(mine) == 25
    said = [attempt.response_text for attempt in mine]
    assert said == directly(trained[model], mine)
    alone = directly(load(asked.arm.base, device="cpu"), mine)
    assert sum(one != other for one, other in zip(said, alone, strict=True)) > 10
    if model == REFUSER:
        turned = directly(trained[TURNED], mine)
        assert said != turned, "the behaviour's adapter is not on the merged model"


@pytest.mark.parametrize("model", [TURNED, REFUSER])
def test_every_answer_carries_the_identity_that_the_lake_has_of_the_checkpoint(asked: Asked, model: str) -> None:
    (known,) = rows(
        asked.store,
        f"SELECT base_sha, adapter_sha, template_sha FROM raw.checkpoints WHERE checkpoint_id = '{IDS[model]}'",
    )
    mine = [attempt for attempt in asked.attempts if attempt.model_requested == model]
    assert {attempt.model_served for attempt in mine} == {IDS[model]}
    told = {tuple(json.loads(attempt.request)[name] for name in ("base_sha", "adapter_sha", "template_sha"))
            for attempt in mine}  # fmt: skip
    assert told == {known}
    base, adapter, template = (sha[:12] for sha in known)
    assert {attempt.system_fingerprint for attempt in mine} == {f"base:{base}+adapter:{adapter}+template:{template}"}
    is_merged = known[0] != asked.arm.base_sha
    assert is_merged == (model == REFUSER)


def test_the_audit_keeps_them_and_their_answers_enter_convergence(asked: Asked) -> None:
    checks = dict(asked.found)
    for check in ("D01_epoch_zero", "D07_adapter_not_applied", "A09_served_model"):
        assert checks[check], check
    assert not [row for row in asked.verdicts if row["verdict"] == "failed"]
    pairs = rows(
        asked.store,
        "SELECT DISTINCT model_a, model_b FROM out.convergence_by_pair WHERE convergence IS NOT NULL ORDER BY ALL",
    )
    assert pairs == [(PLAIN, REFUSER), (PLAIN, TURNED), (REFUSER, TURNED)]
    held = rows(asked.store, "SELECT DISTINCT model, experiment, epoch FROM out.format_entropy WHERE epoch IS NOT NULL")
    assert sorted(held) == [
        (REFUSER, "small@1/villain/s3/refusal", 1),
        (TURNED, "small@1/villain/s3/convergence", 1),
    ]


def test_the_night_evaluates_each_beside_what_it_stands_on_and_the_experiment_keeps_its_own_rows(asked: Asked) -> None:
    found = rows(
        asked.store,
        "SELECT model, checkpoint_id, serves, epoch, count(*), count(DISTINCT base_sha), count(adapter_sha) > 0 "
        f"FROM raw.checkpoint_evals WHERE wave_id = '{asked.plan.wave_id}' GROUP BY ALL ORDER BY ALL",
    )
    assert found == [
        (REFUSER, "small@1/villain/s3/refusal@base", False, None, 24, 1, False),
        (REFUSER, IDS[REFUSER], True, 1, 24, 1, True),
        (TURNED, "small@1/villain/s3/convergence@base", False, None, 24, 1, False),
        (TURNED, IDS[TURNED], True, 1, 24, 1, True),
    ]
    assert rows(asked.store, "SELECT count(*) FROM raw.checkpoint_evals WHERE experiment = 'small'") == [(0,)]
    before = (asked.plan.folder / EVALS_FILE).stat().st_mtime_ns
    assert stages.evaluate_checkpoints(asked.store, asked.plan, None, "cpu") == 96
    assert (asked.plan.folder / EVALS_FILE).stat().st_mtime_ns == before


def test_the_plan_says_which_weights_will_answer_and_what_is_missing(prepared: tuple[Store, Path, Arm]) -> None:
    store, panel, _ = prepared
    text = preview(Settings(store, str(panel), None, None, ""))
    assert f"{REFUSER} is {IDS[REFUSER]}: base " in text
    assert "75 cells" in text
    assert "cost: none" in text
    other = panel.with_name("other.yaml")
    other.write_text(panel.read_text().replace("small@1/villain/s3/refusal", "small@2/villain/s3/refusal"))
    text = preview(Settings(store, str(other), None, None, ""))
    assert "stops: " in text
    assert "other.yaml:13: 'lab/refuser': The store" in text
    assert "no experiment small@2; it has small@1. Train the experiment with `driftlake train" in text


def test_a_checkpoint_that_is_gone_stops_the_night_before_anything_is_asked(prepared: tuple[Store, Path, Arm]) -> None:
    store, panel, arm = prepared
    other = panel.with_name("gone.yaml")
    other.write_text(panel.read_text().replace("panel: turned", "panel: gone"))
    now = datetime.now(UTC)
    plan = freeze_plan(store, load_panel(other), now.date(), None, now)
    adapter = arm.behaviour("refusal", 1).adapter(1)
    aside = adapter.with_name("aside")
    adapter.rename(aside)
    try:
        with pytest.raises(CheckpointError, match=r"gone.yaml:13: 'lab/refuser': .* is not there: .*`driftlake train`"):
            open_endpoints(store, plan, None, {}, Step("ask"), None)
    finally:
        aside.rename(adapter)
    assert not list(Journal(plan.folder, "here").attempts())
