"""Hyperparameters of training runs, as data. Light: nothing heavy is imported here."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from pipelines.panels.records import sha256_of


@dataclass(frozen=True)
class LoraRecipe:
    """Hyperparameters of a LoRA run. `save_epochs` ascend; 0 is the adapter before the first step."""

    rank: int = 8
    alpha: int = 16
    dropout: float = 0.0
    target_modules: str = "all-linear"
    batch: int = 4
    learning_rate: float = 2e-4
    schedule: str = "constant"
    save_epochs: tuple[int, ...] = (0, 2, 8, 20)
    seed: int = 7
    threads: int = 1

    def sha(self, data_sha: str, base_sha: str) -> str:
        """Return the SHA-256 of the recipe with its data and base."""
        return sha256_of({"recipe": asdict(self), "data_sha": data_sha, "base_sha": base_sha})
