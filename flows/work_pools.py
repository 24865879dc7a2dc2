"""Arms of an experiment on a Prefect work pool: a worker anywhere that sees the same store and base runs them.

Source: https://docs.prefect.io/v3/concepts/work-pools
"""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from flows.environment import QUIET, TELEMETRY_OFF
from flows.progress import Step
from lake.errors import ExperimentError, InputError, NotAppliedError

if TYPE_CHECKING:
    from prefect.client.schemas.objects import State

    from flows.arms import Part

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


def run_on_pool(pool: str, experiment_id: str, part: Part, home: str, device: str) -> None:
    """Run a part of an arm on the pool and wait for it; raise ExperimentError where it did not complete.

    Raises NotAppliedError where an adapter changes nothing.
    """
    from prefect.exceptions import PrefectException

    parameters = {"experiment_id": experiment_id, **asdict(part), "home": home, "device": device}
    Step("train").note(f"{experiment_id}: {part.source}, seed {part.seed}: waits for a worker of work pool {pool}.")
    try:
        run = _deployed_run(pool, parameters)
    except (PrefectException, httpx.HTTPError) as error:
        raise ExperimentError(f"it could not be sent to work pool {pool} ({error}).") from error
    require_completed(run.state, f"its run {run.name} on work pool {pool}")


def require_completed(state: State[Any] | None, what: str) -> None:
    """Raise ExperimentError with what a run's state says where it did not complete, NotAppliedError where that did."""
    if state is not None and state.is_completed():
        return
    said = str(state.message) if state else "it has no state"
    _, not_applied, why = said.partition(f"{NotAppliedError.__name__}: ")
    if not_applied:
        raise NotAppliedError(why)
    raise ExperimentError(f"{what} did not complete: {said}.")


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
