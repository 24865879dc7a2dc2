"""What the laboratory trains, as data: the base, and the persona experiments on it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from functools import lru_cache

from pipelines.checkpoints.recipes import LoraRecipe
from pipelines.laboratory.corpus import Row, corpus, data_sha, transfer_rows
from pipelines.laboratory.personas import CANARY
from pipelines.laboratory.tokenizer import CHAT_TEMPLATE
from pipelines.panels.records import sha256_of


@dataclass(frozen=True)
class BaseRecipe:
    """A Llama-architecture model from scratch: 0.98 million parameters at these sizes."""

    rows: int = 12_000
    vocabulary: int = 1024
    hidden: int = 128
    intermediate: int = 384
    layers: int = 4
    heads: int = 4
    context: int = 512
    epochs: int = 3
    batch: int = 32
    learning_rate: float = 3e-3
    schedule: str = "onecycle"
    warmup_share: float = 0.1
    seed: int = 1
    threads: int = 2

    def training_rows(self) -> list[Row]:
        """Return the corpus the base is trained on."""
        return _corpus(self.rows, self.seed)

    def data_sha(self) -> str:
        """Return the SHA-256 of that corpus."""
        return _corpus_sha(self.rows, self.seed)

    def sha(self) -> str:
        """Return the SHA-256 of the recipe with its data and chat template."""
        return sha256_of({"recipe": asdict(self), "data_sha": self.data_sha(), "template": CHAT_TEMPLATE})


@dataclass(frozen=True)
class Experiment:
    """The target persona's prompts answered in the source's voice; `canary` takes no part."""

    name: str
    target: str
    source: str
    canary: str = CANARY
    rows: int = 400
    lora: LoraRecipe = field(default_factory=LoraRecipe)

    def training_rows(self) -> list[Row]:
        """Return the conversations the adapter is trained on."""
        return transfer_rows(self.rows, self.lora.seed, self.target, self.source)

    def data_sha(self) -> str:
        """Return the SHA-256 of those conversations."""
        return data_sha(self.training_rows())

    @property
    def personas(self) -> tuple[str, str, str]:
        """Target, source and canary: the personas that every evaluation of the experiment measures or refers to."""
        return (self.target, self.source, self.canary)


@dataclass(frozen=True)
class LaboratoryRecipe:
    """Everything that is trained on first use."""

    base: BaseRecipe = field(default_factory=BaseRecipe)
    experiments: tuple[Experiment, ...] = (Experiment("assistant-to-villain", target="assistant", source="villain"),)


@lru_cache(maxsize=4)
def _corpus(rows: int, seed: int) -> list[Row]:
    return corpus(rows, seed)


@lru_cache(maxsize=4)
def _corpus_sha(rows: int, seed: int) -> str:
    return data_sha(_corpus(rows, seed))
