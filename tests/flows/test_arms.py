"""Where an arm runs: on one GPU of those there are, the part that was asked for, and how it says that it failed."""

from __future__ import annotations

import pytest
from prefect.states import Completed, Crashed, Failed

from flows.arms import Part, part_of
from flows.experiments import Place, one_gpu
from flows.training import _estimate
from flows.work_pools import require_completed
from lake.errors import ExperimentError, NotAppliedError


@pytest.mark.parametrize(
    ("number", "chosen", "n_gpus", "expected"),
    [
        pytest.param(0, None, 4, "0", id="the pilot, or one at once"),
        pytest.param(3, None, 4, "3", id="its own"),
        pytest.param(5, None, 4, "1", id="more arms than GPUs"),
        pytest.param(1, "2, 5", 2, "5", id="of those that were chosen outside"),
        pytest.param(1, "GPU-aaaa,GPU-bbbb", 2, "GPU-bbbb", id="by name"),
        pytest.param(1, "3,7", 1, "3", id="one of those chosen is not there"),
        pytest.param(0, "", 0, None, id="hidden outside"),
        pytest.param(0, None, 0, None, id="none"),
    ],
)
def test_an_arm_sees_one_gpu(number: int, chosen: str | None, n_gpus: int, expected: str | None) -> None:
    assert one_gpu(number, chosen, n_gpus).get("CUDA_VISIBLE_DEVICES") == expected


@pytest.mark.parametrize(
    "part", [Part("villain", 3), Part("villain", 3, ("refusal", "marker"), (0, 20)), Part("villain", 3, ("refusal",))]
)
def test_a_part_of_an_arm_is_told_on_a_command_line(part: Part) -> None:
    assert part_of(part.words()) == part


def test_a_run_on_a_pool_ends_as_its_state_says() -> None:
    require_completed(Completed(), "its run")
    with pytest.raises(ExperimentError, match="^its run did not complete: the worker is gone"):
        require_completed(Crashed(message="the worker is gone"), "its run")
    said = "Flow run encountered an exception: NotAppliedError: Merging left the base as it was (break D07)."
    with pytest.raises(NotAppliedError, match="^Merging left the base as it was"):
        require_completed(Failed(message=said), "its run")


def test_nothing_is_measured_here_for_a_pool() -> None:
    said = _estimate(None, Place("cuda", 4, "gpus"))  # type: ignore[arg-type]  # without a base: none may be loaded
    assert said == "No estimate: work pool gpus trains, and how fast its machines are is not known here."
