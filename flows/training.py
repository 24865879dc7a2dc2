"""`driftlake train`: one persona experiment, its reference run before it; the cost is told before it is paid."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from flows.environment import prepare_environment
from flows.progress import Step
from flows.stages import go_on_with_lake
from lake.catalog import connect_reader
from lake.errors import InputError
from lake.locks import exclusive
from lake.store import Store
from lake.waves import find
from pipelines.experiments.files import EXPERIMENTS, load_experiment
from pipelines.experiments.records import Experiment, Registered

if TYPE_CHECKING:
    from flows.experiments import Place
    from flows.judging_costs import Spending
    from pipelines.experiments.bench import Bench


def train(
    store: Store,
    name_or_path: str,
    *,
    device: str,
    workers: int | None,
    work_pool: str | None,
    dry_run: bool,
    budget_usd: float | None = None,
    allow_unpriced: bool = False,
) -> str:
    """Run an experiment end to end and return what it found, for people; a dry run tells its cost and trains nothing.

    `budget_usd` caps what judging costs, instead of the file's. Raises InputError before anything is written where the
    file cannot be used, EndpointError where a judge has no key, ExperimentError, after everything else was done, where
    a gate or the audit closed it.
    """
    from flows.judging_costs import Spending, require_keys
    from pipelines.experiments.bench import open_bench, require_material

    experiment = load_experiment(name_or_path)
    reference = _reference_file(experiment)
    for each in (experiment, reference):
        if each is not None:
            require_material(each)
    prepare_environment(store)
    _require_known(device, workers)
    if reference is None:
        _require_reference(store, experiment)
    step = Step("plan")
    spending = Spending(budget_usd, allow_unpriced)
    if dry_run:
        told = f"{_counts(experiment)}{_judging(experiment, spending, step)}"
        step.note(told)
        return f"Nothing was trained. {told}"
    for each in (reference, experiment):
        if each is not None:
            require_keys(each)
    place = _place(device, workers, work_pool)
    go_on_with_lake(store.prepare())
    with exclusive(store.state / "training.lock", "Another experiment"):
        against = _reference_run(store, experiment, reference, place, spending)
        registered = _run(store, open_bench(store, experiment, step.note), against, place, spending)
    return _summary(store, registered)


def _reference_run(
    store: Store, experiment: Experiment, reference: Experiment | None, place: Place, spending: Spending
) -> str | None:
    """Return name@version of the reference run as its file is now, trained first where the lake does not have it so.

    Without a file of it, the newest version that is published; None where there is none.
    """
    from pipelines.experiments.bench import open_bench
    from pipelines.experiments.registering import reference_of, standing_of

    if reference is None:
        return reference_of(store, experiment.reference)
    step = Step("plan")
    bench = open_bench(store, reference, step.note)
    published, why = standing_of(store, reference, bench.material, bench.base_sha)
    if published is not None:
        return published
    step.note(why)
    return _run(store, bench, reference_of(store, reference.reference), place, spending).id


def _run(store: Store, bench: Bench, reference: str | None, place: Place, spending: Spending) -> Registered:
    from flows.experiments import experiment_run
    from flows.night_server import keep_server_to_this_process
    from pipelines.experiments.bench import keep
    from pipelines.experiments.registering import changed_keys, known_versions, register, wave_id_of

    experiment, step = bench.experiment, Step("plan")
    before = known_versions(store, experiment.name)
    registered = register(store, experiment, bench.material, bench.base_sha, reference, datetime.now(UTC))
    keep(store, registered)
    if before and registered.version > before[-1].version:
        changed = ", ".join(changed_keys(before[-1].content, experiment.declared)) or "base, material or reference"
        step.note(f"{experiment.name} differs from version {before[-1].version} ({changed}): this is a new version.")
    if _status(store, wave_id_of(registered)) == "published":
        step.done(f"{registered.id} is trained, passed its gates and is published; nothing is left to do.")
        return registered
    judging = _judging(experiment, spending, step)
    step.done(f"{registered.id} is registered. {_counts(experiment)} {_estimate(bench, place)}{judging}")
    keep_server_to_this_process(store)
    experiment_run(registered.id, str(store.home), place, spending)
    return registered


def _reference_file(experiment: Experiment) -> Experiment | None:
    """Return the reference run's own experiment where its file lies beside this one's, or comes with driftlake."""
    if experiment.reference is None:
        return None
    for folder in (experiment.path.parent, EXPERIMENTS):
        path = folder / f"{experiment.reference}.yaml"
        if path.is_file():
            return _named(load_experiment(path), experiment)
    return None


def _named(reference: Experiment, experiment: Experiment) -> Experiment:
    """Return the reference run; raise InputError where its file is called otherwise than what it registers."""
    if reference.name != experiment.reference:
        raise InputError(
            f"{reference.path}: `experiment` is {reference.name!r}, and {experiment.path.name} names the file as its "
            f"reference {experiment.reference!r}, which it would never find in the lake. Give both one name."
        )
    return reference


def _require_reference(store: Store, experiment: Experiment) -> None:
    """Raise InputError where the lake has no reference run of a name that has no file either."""
    from pipelines.experiments.registering import reference_of

    if experiment.reference is not None and reference_of(store, experiment.reference) is None:
        raise InputError(
            f"{experiment.path}: the reference run {experiment.reference!r} is not published in the lake of "
            f"{store.home}, and no {experiment.reference}.yaml lies beside the file. Put it there, train it first, or "
            "correct `reference`."
        )


def _require_known(device: str, workers: int | None) -> None:
    if device not in ("auto", "cpu", "cuda"):
        raise InputError(f"--device {device!r} is not known. Choose auto, cpu or cuda.")
    if workers is not None and workers < 1:
        raise InputError(f"--workers must be 1 or more, not {workers}.")


def _place(device: str, workers: int | None, work_pool: str | None) -> Place:
    """Return where arms run; raise InputError for a GPU or a work pool that is not there."""
    if work_pool is not None:
        from flows.work_pools import require_pool

        require_pool(work_pool)
    at_once = None if work_pool else _workers_of(device)
    from flows.experiments import MOST_ARMS, Place

    return Place(device, workers or at_once or MOST_ARMS, work_pool)


def _workers_of(device: str) -> int:
    """Return how many arms run at once: one a GPU, or one a core; raise InputError where a GPU is wanted in vain."""
    import torch

    n_gpus = 0 if device == "cpu" else torch.cuda.device_count()
    if device == "cuda" and not n_gpus:
        raise InputError("--device cuda was asked for, but no CUDA device is there. Choose auto or cpu.")
    return n_gpus or max(1, len(os.sched_getaffinity(0)))


def _counts(experiment: Experiment) -> str:
    n_arms = len(experiment.arms) * len(experiment.seeds)
    n_cells = n_arms * len(experiment.behaviours) * len(experiment.epochs)
    rows = _rows_trained(experiment)
    return (
        f"{n_cells} cells: {n_arms} arms ({', '.join(experiment.arms)}; {len(experiment.seeds)} seeds), "
        f"{len(experiment.behaviours)} behaviours, epochs {', '.join(map(str, experiment.epochs))}; "
        f"{rows:,} training rows seen in all."
    )


def _rows_trained(experiment: Experiment) -> int:
    n_arms = len(experiment.arms) * len(experiment.seeds)
    convergence = experiment.convergence.rows * experiment.epochs[-1]
    behaviours = experiment.behaviour.rows * experiment.behaviour.epochs
    return n_arms * (convergence + behaviours * len(experiment.behaviours) * len(experiment.epochs))


def _estimate(bench: Bench, place: Place) -> str:
    """Return how long training takes, from a few steps on this machine; not for a work pool's machines."""
    if place.work_pool is not None:
        return f"No estimate: work pool {place.work_pool} trains, and how fast its machines are is not known here."
    from pipelines.experiments.costs import rows_per_second

    experiment = bench.experiment
    speed = rows_per_second(bench, place.device)
    at_once = min(place.workers, len(experiment.arms) * len(experiment.seeds))
    seconds = _rows_trained(experiment) / speed / at_once
    return (
        f"Estimate: {speed:,.0f} rows a second here, so {_duration(seconds)} of training, {at_once} arms at once, "
        "evaluation not counted."
    )


def _judging(experiment: Experiment, spending: Spending, step: Step) -> str:
    """Return what the judges will cost, as a sentence that follows another; nothing without judges."""
    if not experiment.judges:
        return ""
    from flows.judging_costs import judging_ahead
    from flows.outlook import keys_of
    from pipelines.experiments.bench import material_of

    return " " + judging_ahead(experiment, material_of(experiment), spending.cap_usd, keys_of(os.environ), step.note)


def _duration(seconds: float) -> str:
    return (
        f"{seconds:.0f} s"
        if seconds < 120
        else f"{seconds / 60:.0f} min"
        if seconds < 7200
        else f"{seconds / 3600:.1f} h"
    )


def _status(store: Store, wave_id: str) -> str | None:
    connection = connect_reader(store, "head")
    try:
        wave = find(connection, wave_id)
    finally:
        connection.close()
    return wave.status if wave else None


def _summary(store: Store, registered: Registered) -> str:
    from dashboards.experiments.page import experiment_path
    from dashboards.experiments.sentences import experiment_sentences

    connection = connect_reader(store, "head")
    try:
        sentences = experiment_sentences(connection, registered.experiment.name, registered.version)
    finally:
        connection.close()
    lines = [f"\nWhat was found ({registered.id}):", *(f"  * {sentence}" for sentence in sentences)]
    lines.append(f"\nReport: {experiment_path(store.site, registered.experiment.name, registered.version)}")
    query = (
        "select source, behaviour, headline_epoch, change, canary_change, verdict from out.transfer_verdicts "
        f"where experiment = '{registered.experiment.name}' and version = {registered.version}"
    )
    lines.append(f'Ask it:  .venv/bin/driftlake sql "{query}"')
    return "\n".join(lines)
