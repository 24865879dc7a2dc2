"""A persona experiment, in order: register, gate the data, pilot, train the matrix, gate, model, audit, publish, draw.

The matrix is mapped: one flow an arm (source, seed), each in a process of its own or on a work pool. A gate that closes
ends the experiment with its sentence; what was trained stays, and the same command goes on from there.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from queue import Queue
from subprocess import PIPE
from typing import TYPE_CHECKING, Any

import duckdb
from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.task_runners import ThreadPoolTaskRunner

from flows import stages
from flows.arms import NOT_APPLIED, Part, load_arm
from flows.experiment_judges import judge
from flows.judging_costs import Spending
from flows.progress import Step
from lake import waves
from lake.catalog import connect_reader, connect_writer
from lake.errors import DriftlakeError, ExperimentError, NotAppliedError, WaveError
from lake.store import Store, open_store
from lake.tables import RAW_EXPERIMENT_GATES, RAW_TRAINING_ITEMS
from lake.waves import publishing_lock
from pipelines.experiments.records import Registered
from pipelines.experiments.registering import wave_id_of

if TYPE_CHECKING:
    from expectations.audit import AuditResult
    from expectations.gates import Decision
    from lake.waves import Publication

ROOT = Path(__file__).parents[1]
MOST_ARMS = 64


@dataclass(frozen=True)
class Place:
    """Where arms run: a device, how many at once, and a work pool of Prefect; None: processes of this machine."""

    device: str = "auto"
    workers: int = 1
    work_pool: str | None = None


@flow(name="experiment", flow_run_name="{experiment_id}", validate_parameters=False,
      task_runner=ThreadPoolTaskRunner(max_workers=MOST_ARMS))  # type: ignore[arg-type]  # fmt: skip
def experiment_run(experiment_id: str, home: str, place: Place, spending: Spending) -> str | None:
    """Train, judge, gate and publish a registered experiment; return where its page is.

    Raises ExperimentError where a gate or the audit closed it, after everything else was done.
    """
    from pipelines.experiments.bench import kept

    store = open_store(home)
    registered = kept(store, experiment_id)
    try:
        load_training_files(store, registered, place.device)
        pass_gate(store, registered, "data")
        pilot(store, registered, place)
        matrix(store, registered, place, spending)
        for gate in _gates_of(registered):
            pass_gate(store, registered, gate)
    except GateError as closed:
        return close(store, registered, closed)
    except NotAppliedError as error:
        return close(store, registered, not_applied(store, registered, error))
    return conclude(store, registered)


def _gates_of(registered: Registered) -> tuple[str, ...]:
    """Return the gates after the matrix; a reference run is itself what others are held to."""
    if not registered.experiment.is_reference:
        return ("data", "checkpoints", "epoch_zero", "behaviour_loss", "complete")
    return ("data", "checkpoints", "complete")


class GateError(WaveError):
    """A gate closed; `break_id` is what it found."""

    def __init__(self, gate: str, break_id: str | None, evidence: str) -> None:
        self.gate, self.break_id, self.evidence = gate, break_id, evidence
        super().__init__(evidence)


@task(name="gate", task_run_name="gate {gate}", cache_policy=NO_CACHE)
def pass_gate(store: Store, registered: Registered, gate: str, subject: str = "") -> None:
    """Decide a gate from what is in the lake, keep the decision with its evidence; raise GateError where it closes."""
    from expectations.gates import decide

    connection = connect_reader(store, "head")
    try:
        decision = decide(connection, gate, registered.experiment.name, registered.version, subject)
    finally:
        connection.close()
    keep_decision(store, registered, gate, subject, decision)
    if not decision.passed:
        raise GateError(gate, decision.break_id, decision.evidence)


def not_applied(store: Store, registered: Registered, error: NotAppliedError) -> GateError:
    """Return, and keep, that an adapter which changes nothing closed the gate of the checkpoints (break D07)."""
    from expectations.gates import Decision

    decision = Decision(False, 1, f"D07: {error}", "D07")
    keep_decision(store, registered, "checkpoints", "", decision)
    return GateError("checkpoints", decision.break_id, decision.evidence)


def keep_decision(store: Store, registered: Registered, gate: str, subject: str, decision: Decision) -> None:
    """Put what a gate decided into raw, and tell it."""
    row = {
        "experiment": registered.experiment.name,
        "version": registered.version,
        "gate": gate,
        "subject": subject,
        "passed": decision.passed,
        "n": decision.n,
        "evidence": decision.evidence,
        "break_id": decision.break_id,
        "decided_at": datetime.now(UTC),
    }
    writer = connect_writer(store)
    try:
        waves.insert(writer, RAW_EXPERIMENT_GATES, [row])
    finally:
        writer.close()
    about = f" ({subject})" if subject else ""
    Step("gate").note(f"{gate}{about}: {'passed' if decision.passed else 'CLOSED'}. {decision.evidence}")


@task(name="data", cache_policy=NO_CACHE)
def load_training_files(store: Store, registered: Registered, device: str) -> None:
    """Load what teaches each behaviour before anything is trained on it."""
    from pipelines.experiments.bench import open_bench
    from pipelines.experiments.datasets import item_rows
    from pipelines.loading import frame_of, load

    step = Step("data")
    experiment = registered.experiment
    bench = open_bench(store, experiment, step.note)
    files = [
        bench.arm(registered, store, source, seed, device).behaviour_file(behaviour)
        for seed in experiment.seeds
        for source in experiment.arms
        for behaviour in experiment.behaviours
    ]
    rows = {(row["data_file_sha"], row["place"]): row for file in files for row in item_rows(registered, file)}
    load(store, {RAW_TRAINING_ITEMS: frame_of(RAW_TRAINING_ITEMS, list(rows.values()))})
    step.done(f"{len({file.sha for file in files})} training files of behaviours, {len(rows):,} rows.")


def pilot(store: Store, registered: Registered, place: Place) -> None:
    """Train one behaviour of one arm, epoch 0 first; the matrix is worth its cost only where this passes its gates."""
    experiment = registered.experiment
    source, behaviour, seed = experiment.sources[0], experiment.behaviours[0], experiment.seeds[0]
    subject = f"{source}/{behaviour}/s{seed}"
    run_pilot(store, registered, Part(source, seed, (behaviour,), (0,)), place)
    if not experiment.is_reference:
        pass_gate(store, registered, "epoch_zero", subject)
        run_pilot(store, registered, Part(source, seed, (behaviour,)), place)
    pass_gate(store, registered, "checkpoints", subject)


def run_pilot(store: Store, registered: Registered, part: Part, place: Place) -> None:
    """Run a part of the first arm where arms run; raise ExperimentError where it did not end well.

    Raises NotAppliedError where an adapter changes nothing.
    """
    try:
        run_arm(registered.id, part, str(store.home), place, 0)
    except ExperimentError as error:
        raise ExperimentError(
            f"The pilot of {registered.id} ({part.source}, seed {part.seed}) failed: {error} What it left is kept; "
            "the same command goes on from there."
        ) from error


def matrix(store: Store, registered: Registered, place: Place, spending: Spending) -> None:
    """Train every arm, as many at once as there is place for; end it where the first of them show no signal.

    Judges are asked before the gates that read what they say. Raises ExperimentError after all arms where one of them
    failed, and where votes are missing: what is there is whole.
    """
    experiment = registered.experiment
    arms = [(source, seed) for seed in experiment.seeds for source in experiment.arms]
    first = arms[: experiment.no_signal_after]
    train_and_judge(store, registered, first, place, spending)
    if not experiment.is_reference:
        pass_gate(store, registered, "first_signal")
    train_and_judge(store, registered, arms[len(first) :], place, spending)


def train_and_judge(
    store: Store, registered: Registered, arms: Sequence[tuple[str, int]], place: Place, spending: Spending
) -> None:
    """Run arms, then have the experiment's judges, if it has any, read their answers."""
    train_arms(store, registered, unfinished_arms(store, registered, arms, place), place)
    if arms and registered.experiment.judges:
        judge(store, registered, spending)


def unfinished_arms(
    store: Store, registered: Registered, arms: Sequence[tuple[str, int]], place: Place
) -> list[tuple[str, int]]:
    """Return the arms of which something is missing; what the others left is loaded, should that not be done yet."""
    from pipelines.experiments.arms import clean, is_whole
    from pipelines.experiments.bench import open_bench

    experiment = registered.experiment
    bench = open_bench(store, experiment, Step("train").note)
    unfinished = []
    for source, seed in arms:
        work = bench.arm(registered, store, source, seed, place.device)
        if not is_whole(work):
            unfinished.append((source, seed))
            continue
        clean(work)
        load_arm(store, registered, source, seed, place.device, experiment.behaviours)
    return unfinished


def train_arms(store: Store, registered: Registered, arms: Sequence[tuple[str, int]], place: Place) -> None:
    """Run arms in their order, as many at once as there are places; raise ExperimentError naming those that failed."""
    free: Queue[int] = Queue()
    for number in range(place.workers):
        free.put(number)
    futures = []
    for source, seed in arms:
        number = free.get()
        futures.append(run_arm.submit(registered.id, Part(source, seed), str(store.home), place, number))
        futures[-1].add_done_callback(partial(_give_back, free, number))
    failed = []
    for (source, seed), future in zip(arms, futures, strict=True):
        try:
            future.result()
        except DriftlakeError as error:
            failed.append(f"{source}, seed {seed}: {error}")
    if failed:
        raise ExperimentError(
            f"{len(failed)} of {len(arms)} arms of {registered.id} failed: {'; '.join(failed)} "
            "What the others left is whole; the same command trains only what is missing."
        )


def _give_back(free: Queue[int], number: int, _: object) -> None:
    free.put(number)


@task(name="arm", task_run_name="arm {part.source} s{part.seed}", cache_policy=NO_CACHE)
def run_arm(experiment_id: str, part: Part, home: str, place: Place, number: int) -> None:
    """Run an arm in a process of its own, or on the work pool; raise ExperimentError where it did not end well.

    `number` is its place among those that run at once. Raises NotAppliedError where an adapter changes nothing.
    """
    if place.work_pool is None:
        _run_process([experiment_id, place.device, *part.words()], _environment(home, place, number))
        return
    from flows.work_pools import run_on_pool

    run_on_pool(place.work_pool, experiment_id, part, home, place.device)


def _run_process(arguments: Sequence[str], environ: dict[str, str]) -> None:
    """Run an arm's process, which ends with this one however this one ends; what it prints last is why it failed."""
    command = [sys.executable, "-m", "flows.ending_with_parent", "flows.arms", *arguments]
    with subprocess.Popen(command, cwd=ROOT, env=environ, stdin=PIPE, stdout=PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None, "both are pipes"
        said = process.stdout.read().strip().splitlines()  # standard input stays open: its end would end the process
    if process.returncode == NOT_APPLIED and said:
        raise NotAppliedError(said[-1])
    if process.returncode < 0:
        raise ExperimentError(f"its process was killed by signal {-process.returncode}.")
    if process.returncode:
        raise ExperimentError(
            said[-1] if said else f"its process ended with {process.returncode}; what it said stands above."
        )


def _environment(home: str, place: Place, number: int) -> dict[str, str]:
    """Return the environment of an arm's process: the same Prefect server, and one GPU only, its own where it can be.

    Whoever sees several trains on all of them at once (DataParallel), and so on other batches than were declared.
    """
    with get_client(sync_client=True) as client:
        found = {"DRIFTLAKE_HOME": home, "PREFECT_API_URL": str(client.api_url)}
    if place.device != "cpu":
        import torch

        found |= one_gpu(number, os.environ.get("CUDA_VISIBLE_DEVICES"), torch.cuda.device_count())
    return {**os.environ, **found}


def one_gpu(number: int, chosen: str | None, n_gpus: int) -> dict[str, str]:
    """Return what leaves the arm at a place one of the GPUs that this process sees; nothing where it sees none.

    `chosen`: CUDA_VISIBLE_DEVICES as it is here, whose names (numbers or UUIDs) are kept; null where it is not set.
    """
    if not n_gpus:
        return {}
    names = [name.strip() for name in chosen.split(",")] if chosen else [str(place) for place in range(n_gpus)]
    return {"CUDA_VISIBLE_DEVICES": names[:n_gpus][number % n_gpus]}


def conclude(store: Store, registered: Registered) -> str | None:
    """Model, audit, publish or quarantine, and draw; return the page. Raises ExperimentError where the audit fails."""
    wave_id = wave_id_of(registered)
    with publishing_lock(store):
        step = Step("model")
        step.done(stages.model_waves(store, wave_id))
        result = audit(store, registered)
        publication = publish(store, wave_id, result) if result.passed else None
        if publication is None:
            quarantine(store, wave_id, result.verdicts)
    page = draw(store, registered)
    if not result.passed:
        raise ExperimentError(" ".join(result.sentences()))
    return page


def close(store: Store, registered: Registered, closed: GateError) -> str | None:
    """Keep an experiment from readers because a gate closed, and draw its page; raises ExperimentError with why."""
    wave_id = wave_id_of(registered)
    now = datetime.now(UTC)
    verdict = {
        "audit_id": f"{wave_id}#{now:%Y%m%dT%H%M%S.%fZ}",
        "wave_id": wave_id,
        "scope": "wave",
        "break_id": closed.break_id,
        "verdict": "failed",
        "n_bad": 1,
        "detail": closed.evidence,
        "decided_at": now,
    }
    with publishing_lock(store):
        quarantine(store, wave_id, [verdict])
    draw(store, registered)
    raise ExperimentError(f"Experiment {registered.id} ends at gate {closed.gate}. {closed.evidence}")


@task(name="audit", cache_policy=NO_CACHE)
def audit(store: Store, registered: Registered) -> AuditResult:
    """Run every expectation on an experiment."""
    from expectations.experiments.audit import audit_experiment

    step = Step("audit")
    wave_id, now = wave_id_of(registered), datetime.now(UTC)
    connection = connect_writer(store)
    try:
        result = audit_experiment(
            connection, store, registered.experiment.name, registered.version, f"{wave_id}#{now:%Y%m%dT%H%M%S.%fZ}"
        )
        waves.record_audit(connection, result.check_results, result.verdicts)
    finally:
        connection.close()
    step.done(f"{len(result.check_results)} checks, {sum(not row['success'] for row in result.check_results)} found "
              "something.")  # fmt: skip
    for sentence in result.sentences():
        step.note(sentence)
    return result


@task(name="publish", cache_policy=NO_CACHE)
def publish(store: Store, wave_id: str, result: AuditResult) -> Publication:
    """Let readers see an experiment that passed."""
    from pipelines.code_version import code_version

    connection = connect_writer(store)
    try:
        wave = waves.find(connection, wave_id)
        if wave is None:
            raise WaveError(f"{wave_id} is not in ops.waves. Start the same command again.")
        publication = waves.publish(connection, wave, datetime.now(UTC), result.verdicts, code_version())
    finally:
        connection.close()
    Step("publish").done(f"Readers now see snapshot {publication.snapshot_id}.")
    return publication


@task(name="quarantine", cache_policy=NO_CACHE)
def quarantine(store: Store, wave_id: str, verdicts: Sequence[dict[str, Any]]) -> None:
    """Keep an experiment from readers; where core and out hold something of it, they are built without it."""
    connection = connect_writer(store)
    try:
        waves.quarantine(connection, wave_id, datetime.now(UTC), verdicts)
        is_modelled = _is_modelled(connection, wave_id)
    finally:
        connection.close()
    if is_modelled:
        stages.model_waves(store, None)


def _is_modelled(connection: duckdb.DuckDBPyConnection, wave_id: str) -> bool:
    """Say whether core holds something of an experiment, or was never built, so that its page has nothing to read."""
    try:
        row = connection.execute(
            "SELECT count(*) FROM core.checkpoint_metrics WHERE 'experiment/' || experiment || '@' || version = ?",
            [wave_id],
        ).fetchone()
    except duckdb.CatalogException:
        return True
    return bool(row and row[0])


@task(name="draw", cache_policy=NO_CACHE)
def draw(store: Store, registered: Registered) -> str | None:
    """Draw the page of an experiment, whatever became of it, those of its earlier versions, and the index."""
    from dashboards.experiments import draw_experiment
    from dashboards.page import draw_index

    connection = connect_reader(store, "head")
    try:
        for version in range(1, registered.version + 1):
            page = draw_experiment(connection, registered.experiment.name, version, store.site)
    finally:
        connection.close()
    draw_index(store)
    Step("draw").done(f"Page: {page}")
    return str(page)
