"""Arms of an experiment on a Prefect work pool: a worker anywhere that sees the same store and base runs them.

Source: https://docs.prefect.io/v3/concepts/work-pools
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import httpx

from flows.environment import QUIET, TELEMETRY_OFF
from flows.progress import Step
from lake.errors import ExperimentError, InputError

_ROOT = Path(__file__).parents[1]


def require_pool(pool: str) -> None:
    """Raise InputError where no Prefect server is named, none answers, or it has no such work pool."""
    from prefect.client.orchestration import get_client
    from prefect.exceptions import ObjectNotFound

    url = os.environ.get("PREFECT_API_URL")
    if not url:
        raise InputError(
            f"--work-pool {pool} needs PREFECT_API_URL: the Prefect server at which the pool's workers look for work. "
            "Start one (prefect server start), set the variable here and for the workers, and try again."
        )
    try:
        with get_client(sync_client=True) as client:
            client.read_work_pool(pool)
    except ObjectNotFound as error:
        raise InputError(
            f"There is no work pool {pool!r} at {url}. Create it (prefect work-pool create {pool} --type process) and "
            f"start a worker on it (prefect worker start --pool {pool})."
        ) from error
    except (httpx.HTTPError, RuntimeError) as error:
        raise InputError(
            f"No Prefect server answers at {url} ({error}). Start it, or correct PREFECT_API_URL."
        ) from error


def run_on_pool(pool: str, experiment_id: str, source: str, seed: int, home: str, device: str) -> None:
    """Run one arm as a deployment on the pool and wait for it; raise ExperimentError where it did not complete."""
    from prefect.exceptions import PrefectException

    parameters = {"experiment_id": experiment_id, "source": source, "seed": seed, "home": home, "device": device}
    Step("train").note(f"{experiment_id}: {source}, seed {seed}: waits for a worker of work pool {pool}.")
    try:
        run = _deployed_run(pool, parameters)
    except (PrefectException, httpx.HTTPError) as error:
        raise ExperimentError(f"it could not be sent to work pool {pool} ({error}).") from error
    if run.state is None or not run.state.is_completed():
        said = run.state.message if run.state else "it has no state"
        raise ExperimentError(f"its run {run.name} on work pool {pool} did not complete: {said}.")


def _deployed_run(pool: str, parameters: dict[str, Any]) -> Any:
    """Deploy the arm's flow to the pool and return its run with these parameters, ended."""
    from prefect.deployments import run_deployment

    from flows.arms import arm

    served: Any = arm.from_source(source=str(_ROOT), entrypoint="flows/arms.py:arm")  # not awaited: we are not async
    # not `deploy`: it asks for the pool's workers in words that Prefect's own server refuses with this fastapi
    deployment = served.to_deployment(
        name=pool, work_pool_name=pool, job_variables={"env": {**TELEMETRY_OFF, **QUIET}}
    ).apply()
    return run_deployment(deployment, parameters=parameters, timeout=None)
