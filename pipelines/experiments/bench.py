"""Where an experiment stands in a store: its base, its material, its folder, and the arms that can be run there."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from lake.errors import CheckpointError, InputError
from lake.store import Store
from pipelines.checkpoints.folders import write_whole
from pipelines.experiments.arms import Arm
from pipelines.experiments.files import experiment_of
from pipelines.experiments.folder_material import FolderMaterial
from pipelines.experiments.laboratory_material import LaboratoryMaterial
from pipelines.experiments.material import Material
from pipelines.experiments.records import Experiment, Registered
from pipelines.experiments.runs import UNWATCHED, Watch

LEAST_ITEMS = 30
"""Items that a behaviour is measured on at least; with fewer, no claim about it passes (break C11)."""

_FILE = "experiment.json"


@dataclass(frozen=True)
class Bench:
    """An experiment with its base and material at hand."""

    experiment: Experiment
    base: Path
    base_sha: str
    material: Material

    def arm(
        self, registered: Registered, store: Store, source: str, seed: int, device: str, watch: Watch = UNWATCHED
    ) -> Arm:
        """Return one arm of the matrix."""
        root = folder_of(store, registered)
        return Arm(registered, self.material, self.base, self.base_sha, root, source, seed, device, watch)


def material_of(experiment: Experiment) -> Material:
    """Return what an experiment teaches and asks; raise InputError where its folder is not there."""
    return LaboratoryMaterial() if experiment.material == "laboratory" else FolderMaterial(Path(experiment.material))


def require_material(experiment: Experiment) -> None:
    """Raise InputError where what an experiment stands on, teaches or asks cannot be used; write nothing."""
    _require_base(experiment)
    material = material_of(experiment)
    if isinstance(material, FolderMaterial):
        material.require(experiment)
    for behaviour in experiment.behaviours:
        if (n_items := len(material.items(behaviour, experiment.items))) < LEAST_ITEMS:
            remedy = "Raise `items`" if experiment.items < LEAST_ITEMS else "Add items, or take the behaviour out"
            raise InputError(
                f"{experiment.path}: {behaviour} would be measured on {n_items} items, and a claim rests on "
                f"{LEAST_ITEMS} or more (break C11). {remedy}."
            )


def _require_base(experiment: Experiment) -> None:
    """Raise InputError where the base is a folder that is not there or has no weights; an id is looked up later."""
    base = Path(experiment.base)
    if experiment.base == "lab/base" or not (base.is_absolute() or base.is_dir()):
        return
    if not (base / "config.json").is_file() or not any(base.glob("*.safetensors")):
        what = "holds no model (config.json, *.safetensors)" if base.is_dir() else "is not there"
        raise InputError(f"{experiment.path}: the base {base} {what}. Correct `base:`.")


def open_bench(store: Store, experiment: Experiment, note: Callable[[str], None]) -> Bench:
    """Return the experiment with its base; the laboratory's is trained where it is not there yet.

    Raises CheckpointError where the base cannot be found or its weights are cut short.
    """
    from pipelines.checkpoints.weights import resolve_base, weights_sha
    from pipelines.laboratory import prepare_base

    material = material_of(experiment)
    base = prepare_base(store.laboratory, note) if experiment.base == "lab/base" else resolve_base(experiment.base)
    return Bench(experiment, base, weights_sha(base), material)


def folder_of(store: Store, registered: Registered) -> Path:
    """Return the folder of all that a version of an experiment leaves."""
    return store.home / "experiments" / registered.experiment.name / f"v{registered.version}"


def keep(store: Store, registered: Registered) -> None:
    """Write what another process needs to run an arm."""
    content = {"file": registered.experiment.file, "path": str(registered.experiment.path)}
    write_whole(folder_of(store, registered) / _FILE, content)


def kept(store: Store, experiment_id: str) -> Registered:
    """Return what `keep` wrote of name@version; raise CheckpointError where it is not there."""
    name, _, version = experiment_id.rpartition("@")
    path = store.home / "experiments" / name / f"v{version}" / _FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read ({error}). Start `driftlake train` again.") from error
    try:
        return Registered(experiment_of(content["file"], Path(content["path"])), int(version))
    except ValidationError as wrong:
        found = wrong.errors(include_url=False)[0]
        where = ".".join(map(str, found["loc"])) or "the file"
        raise CheckpointError(
            f"{path} has what is refused now: {where}: {found['msg']}. Train {name} again with a file that is taken."
        ) from None
