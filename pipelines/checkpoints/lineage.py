"""A checkpoint of a persona experiment and what it stands on: a base, an adapter merged into it, the adapter itself.

Merged models are deleted after an experiment, so they are made again in memory; what an adapter is put on must have the
sha that the adapter's card says it was trained on.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lake.errors import CheckpointError

if TYPE_CHECKING:
    from pipelines.checkpoints.weights import LoadedModel


class Parent(NamedTuple):
    """What an adapter is put on: a base (folder, path or id) and the adapter merged into it; None: the base alone."""

    base: str
    merged: Path | None = None


class Lineage(NamedTuple):
    """One checkpoint of an experiment, as it lies. `epoch`: epochs of convergence; `behaviour` is null for convergence.

    `run` is experiment@version/source/sSEED/NAME, `training_file` what the adapter was trained on; the shas are those
    of the adapter's card.
    """

    run: str
    epoch: int
    version: int
    source: str
    seed: int
    behaviour: str | None
    parent: Parent
    adapter: Path
    training_file: Path
    base_sha: str
    adapter_sha: str
    template_sha: str

    @property
    def checkpoint_id(self) -> str:
        """Its name in raw.checkpoints."""
        return f"{self.run}@epoch-{self.epoch}"


def load_parent(parent: Parent, device: str) -> LoadedModel:
    """Return what adapters are put on; raise CheckpointError where weights are missing or cut short."""
    from pipelines.checkpoints.weights import load, merged_in_memory

    if parent.merged is None:
        return load(parent.base, device=device)
    return merged_in_memory(parent.base, parent.merged, device)


def require_parent(lineage: Lineage, parent: LoadedModel) -> None:
    """Raise CheckpointError where the loaded weights or their template are not those the checkpoint was trained on."""
    for what, now, then in (
        ("base", parent.base_sha, lineage.base_sha),
        ("chat template", parent.template_sha, lineage.template_sha),
    ):
        if now != then:
            raise CheckpointError(
                f"{lineage.checkpoint_id} was trained on {what} {then[:12]}, but what lies in {_places(lineage)} gives "
                f"{now[:12]} (break D06). Put the files back as they were, or train the experiment under a new name "
                "with `driftlake train`. Merging has the same digits only on the kind of processor that trained."
            )


def with_checkpoint(lineage: Lineage, loaded: LoadedModel) -> LoadedModel:
    """Return the checkpoint on its loaded parent, which is used up; raise CheckpointError where they do not fit.

    The adapter must be the one that its card describes.
    """
    from pipelines.checkpoints.weights import with_adapter

    require_parent(lineage, loaded)
    adapted = with_adapter(loaded, lineage.adapter)
    if adapted.adapter_sha != lineage.adapter_sha:
        raise CheckpointError(
            f"The weights in {lineage.adapter} are {str(adapted.adapter_sha)[:12]}, their card says "
            f"{lineage.adapter_sha[:12]} (break D05). Put the folder back as it was, or train the experiment under a "
            "new name with `driftlake train`."
        )
    return adapted


def _places(lineage: Lineage) -> str:
    base, merged = lineage.parent
    return f"{base} and {merged}" if merged else base
