"""Arms of an experiment on a Prefect work pool: a worker anywhere that sees the same store and base runs them.

Source: https://docs.prefect.io/v3/concepts/work-pools
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from lake.errors import ExperimentError, InputError

_ROOT = Path(__file__).parents[1]


def run_on_pool(pool: str, experiment_id: str, source: str, seed: int, home: str, device: str) -> None:
    """Run one arm as a deployment on the pool and wait for it; raise ExperimentError where it did not complete.

    Raises InputError where no Prefect server is named: the pool's workers and we have to meet at one.
    """
    from prefect.deployments import run_deployment
    from prefect.exceptions import ObjectNotFound

    from flows.arms import arm

    if not os.environ.get("PREFECT_API_URL"):
        raise InputError(
            f"--work-pool {pool} needs PREFECT_API_URL: the Prefect server at which the pool's workers look for work. "
            "Start one (prefect server start), set the variable here and for the workers, and try again."
        )
    served: Any = arm.from_source(source=str(_ROOT), entrypoint="flows/arms.py:arm")  # not awaited: we are not async
    try:
        deployment = served.deploy(
            name=pool, work_pool_name=pool, build=False, push=False, print_next_steps=False, ignore_warnings=True
        )
    except (ObjectNotFound, ValueError) as error:
        raise InputError(
            f"There is no work pool {pool!r} at {os.environ['PREFECT_API_URL']} ({error}). Create it "
            f"(prefect work-pool create {pool} --type process) and start a worker on it."
        ) from error
    run: Any = run_deployment(
        deployment,
        parameters={
            "experiment_id": experiment_id,
            "source": source,
            "seed": seed,
            "home": home,
            "device": device,
        },
        timeout=None,
    )
    if run.state is None or not run.state.is_completed():
        said = run.state.message if run.state else "it has no state"
        raise ExperimentError(f"its run {run.name} on work pool {pool} did not complete: {said}.")
