"""The reproducibility card: all that is needed to train the same weights again. JSON beside the weights."""

from __future__ import annotations

import json
import os
import platform
import shlex
import sys
from dataclasses import asdict, dataclass, fields
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from lake.errors import CheckpointError
from pipelines.panels.records import sha256_of

_LIBRARIES = ("torch", "transformers", "peft", "tokenizers", "safetensors", "numpy")
_FROM_SCRATCH = "base"


class LossPoint(NamedTuple):
    """One optimizer step. `loss` in nats per token; `epoch` in epochs done after this step."""

    step: int
    epoch: float
    loss: float
    learning_rate: float


@dataclass(frozen=True)
class ReproducibilityCard:
    """One trained thing. `base_sha` is None only for a base trained from scratch.

    `recipe_sha` covers data, hyperparameters, seed and base: the same recipe is not trained twice.
    `final_loss` is the mean of the last epoch, `seconds` the wall time until these weights were saved.
    `parent_sha`: what the base of a behaviour's run was merged from, the sha of the convergence adapter; the base's own
    sha where nothing was merged. Null for runs that merge nothing by their nature.
    Before the first step (epoch 0 of a LoRA run) the curve is empty and `final_loss` is the loss before training.
    """

    kind: str
    experiment: str
    epoch: int
    step: int
    recipe_sha: str
    data_sha: str
    n_rows: int
    base_sha: str | None
    weights_sha: str
    template_sha: str
    seed: int
    hyperparameters: dict[str, Any]
    library_versions: dict[str, str]
    command: str
    code_version: str
    hardware: dict[str, Any]
    loss_curve: tuple[LossPoint, ...]
    final_loss: float
    seconds: float
    started_at: str
    parent_sha: str | None = None

    @property
    def sha(self) -> str:
        """SHA-256 of the whole card."""
        return sha256_of(asdict(self))

    @property
    def run_id(self) -> str:
        """experiment/kind/first 12 digits of the card's sha."""
        return f"{self.experiment}/{self.kind}/{self.sha[:12]}"

    def as_json(self) -> str:
        """Return the card as JSON."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False)

    def write(self, folder: Path) -> None:
        """Write card.json into a folder; raise CheckpointError where a field is null (break D19)."""
        empty = [name for name, value in asdict(self).items() if _is_null(value) and name != "parent_sha"]
        if self.kind == _FROM_SCRATCH and "base_sha" in empty:
            empty.remove("base_sha")
        if empty:
            raise CheckpointError(
                f"The card of {self.experiment}/{self.kind} has no {', '.join(empty)}; without it the run cannot be "
                "repeated. Nothing was saved; give the missing value and train again."
            )
        (folder / "card.json").write_text(self.as_json() + "\n", encoding="utf-8")


def _is_null(value: object) -> bool:
    if isinstance(value, dict):
        return not value or any(_is_null(part) for part in value.values())
    return value is None or value == ""


def read_card(folder: Path) -> ReproducibilityCard:
    """Return the card of a folder; raise CheckpointError where it is missing or not a card."""
    path = folder / "card.json"
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        curve = tuple(LossPoint(*point) for point in stored.pop("loss_curve"))
        return ReproducibilityCard(loss_curve=curve, **stored)
    except (OSError, ValueError, TypeError, KeyError) as error:
        expected = ", ".join(field.name for field in fields(ReproducibilityCard))
        raise CheckpointError(
            f"{path} is not a reproducibility card ({error}). It needs: {expected}. "
            f"Delete {folder} and start again: it is trained anew."
        ) from error


def library_versions() -> dict[str, str]:
    """Return Python's version and those of the libraries that decide what is trained."""
    return {"python": platform.python_version()} | {name: version(name) for name in _LIBRARIES}


def command_line() -> str:
    """Return the command that started this process, without where this machine keeps its programs and the clone."""
    clone = f"{Path(__file__).parents[2]}{os.sep}"
    words = [word.removeprefix(clone) for word in sys.orig_argv]
    return shlex.join([Path(words[0]).name, *(word.replace(str(Path.home()), "~") for word in words[1:])])


def hardware(device: str, threads: int) -> dict[str, Any]:
    """Return device, its name, threads and memory in GiB."""
    if device.startswith("cuda"):
        import torch

        properties = torch.cuda.get_device_properties(device)
        return {
            "device": device,
            "name": properties.name,
            "threads": threads,
            "memory_gib": round(properties.total_memory / 2**30, 1),
        }
    pages = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {"device": device, "name": _cpu_name(), "threads": threads, "memory_gib": round(pages / 2**30, 1)}


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names and names[0] else platform.machine()
