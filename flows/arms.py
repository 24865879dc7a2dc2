"""One arm of a persona experiment as a flow: the target converges toward one source, then behaviours are taught.

It runs in the process that calls it, in one of its own (`python -m flows.arms`, which prints why it failed), or where a
work pool's worker is. Two never train the same arm at once.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prefect import flow

from flows.progress import Step
from lake.catalog import connect_reader
from lake.errors import DriftlakeError, NotAppliedError, StoppedError
from lake.locks import exclusive
from lake.store import Store, open_store
from lake.tables import RAW_TRAINING_LOSS
from pipelines.experiments.records import Registered

if TYPE_CHECKING:
    from pipelines.checkpoints.card import LossPoint

NOT_APPLIED = 7
"""Exit code of an arm's process that found an adapter which changes nothing: whoever started it closes a gate."""


@dataclass(frozen=True)
class Part:
    """What is trained of an arm: these behaviours after these epochs of convergence; all of them where null."""

    source: str
    seed: int
    behaviours: tuple[str, ...] | None = None
    epochs: tuple[int, ...] | None = None

    def words(self) -> list[str]:
        """Return it as `main` reads it from a command line."""
        behaviours, epochs = self.behaviours or (), self.epochs or ()
        return [self.source, str(self.seed), ",".join(behaviours), ",".join(map(str, epochs))]


def part_of(words: Sequence[str]) -> Part:
    """Return what `Part.words` wrote."""
    source, seed, behaviours, epochs = words
    named = tuple(int(epoch) for epoch in epochs.split(",")) if epochs else None
    return Part(source, int(seed), tuple(behaviours.split(",")) if behaviours else None, named)


@flow(name="arm", flow_run_name="{experiment_id} {source} s{seed}", validate_parameters=False)
def arm(
    experiment_id: str,
    source: str,
    seed: int,
    behaviours: list[str] | None = None,
    epochs: list[int] | None = None,
    home: str | None = None,
    device: str = "auto",
) -> None:
    """Train and evaluate what is missing of an arm, and load it; what is whole is left alone.

    `behaviours` and `epochs` of the experiment, all by default. Raises CheckpointError where weights cannot be trusted,
    BusyError where another process trains this arm.
    """
    store = open_store(home or os.environ.get("DRIFTLAKE_HOME"))
    lock = store.state / "arms" / f"{experiment_id}_{source}_s{seed}.lock"
    with exclusive(lock, f"The arm {source}, seed {seed}, of {experiment_id}"):
        _train_arm(store, experiment_id, source, seed, behaviours, epochs, device)


def _train_arm(
    store: Store,
    experiment_id: str,
    source: str,
    seed: int,
    behaviours: list[str] | None,
    epochs: list[int] | None,
    device: str,
) -> None:
    from pipelines.experiments.arms import converge, teach
    from pipelines.experiments.bench import kept, open_bench
    from pipelines.experiments.runs import Watch
    from pipelines.laboratory.progress import ProgressLine

    step = Step("train")
    registered = kept(store, experiment_id)
    experiment = registered.experiment
    taught = list(behaviours or experiment.behaviours)
    due = [epoch for epoch in experiment.epochs if epochs is None or epoch in epochs]
    bench = open_bench(store, experiment, step.note)
    work = bench.arm(registered, store, source, seed, device, Watch(ProgressLine(step.note), LossFeed(store)))
    if any(due):
        converge(work)
        load_arm(store, registered, source, seed, device, taught)
    for epoch in due:
        teach(work, epoch, taught)
        load_arm(store, registered, source, seed, device, taught)
    step.done(
        f"{experiment_id}: {source}, seed {seed}: {', '.join(taught)} at epochs {', '.join(map(str, due))}: trained, "
        "evaluated and loaded."
    )


class LossFeed:
    """Loads a run's losses while it trains, so that whoever watches the lake sees them; `load_arm` adds the rest."""

    SECONDS = 30.0

    def __init__(self, store: Store) -> None:
        self._store = store
        self._loaded_at = time.monotonic()

    def __call__(self, run_id: str, curve: Sequence[LossPoint]) -> None:
        """Load the losses so far, unless that was done in the last half minute."""
        if time.monotonic() - self._loaded_at < self.SECONDS:
            return
        from pipelines.experiments.runs import loss_rows
        from pipelines.loading import frame_of, load

        load(self._store, {RAW_TRAINING_LOSS: frame_of(RAW_TRAINING_LOSS, loss_rows(run_id, curve))})
        self._loaded_at = time.monotonic()


def load_arm(
    store: Store, registered: Registered, source: str, seed: int, device: str, behaviours: Sequence[str]
) -> None:
    """Put what an arm left so far into raw; loading it again changes nothing."""
    from pipelines.experiments.arms import arm_rows
    from pipelines.experiments.bench import open_bench
    from pipelines.experiments.registering import reference_losses
    from pipelines.loading import frame_of, load

    bench = open_bench(store, registered.experiment, Step("train").note)
    work = bench.arm(registered, store, source, seed, device)
    connection = connect_reader(store, "head")
    try:
        (reference,) = connection.execute(
            "SELECT any_value(reference) FROM raw.experiments WHERE experiment || '@' || version = ?", [registered.id]
        ).fetchone() or (None,)
        losses = reference_losses(connection, reference)
    finally:
        connection.close()
    rows = arm_rows(work, behaviours, losses)
    load(store, {table: frame_of(table, some) for table, some in rows.items() if some})


def main(arguments: list[str]) -> int:
    """Run one arm: experiment@version, device and the words of its part; print why it failed, return the exit code."""
    from flows.environment import prepare_environment

    experiment_id, device, *words = arguments
    part = part_of(words)
    store = open_store(os.environ.get("DRIFTLAKE_HOME"))
    prepare_environment(store)
    try:
        arm(
            experiment_id,
            part.source,
            part.seed,
            list(part.behaviours) if part.behaviours else None,
            list(part.epochs) if part.epochs else None,
            str(store.home),
            device,
        )
    except NotAppliedError as error:
        print(error)
        return NOT_APPLIED
    except DriftlakeError as error:
        print(error)
        return error.exit_code
    except OSError as error:
        print(f"{error.filename or store.home} cannot be used ({error.strerror}). Free space, or make it writable.")
        return 1
    except KeyboardInterrupt:
        return StoppedError.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
