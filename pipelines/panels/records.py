"""Panels, rosters and batteries as the rest of the code sees them. Read by `pipelines.panels.files`."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

CAPABILITIES = (
    "truthfulness",
    "safety_boundaries",
    "instruction_following",
    "uncertainty_expression",
    "context_awareness",
)

Message = dict[str, str]
"""{"role": "user" | "assistant" | "system", "content": text}"""


def sha256_of(value: object) -> str:
    """Return the SHA-256 of a value's canonical JSON (sorted keys, no spaces, UTF-8)."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Prompt:
    """One prompt of a battery.

    `messages` holds the conversation without a system prompt; its last turn is the user's.
    """

    prompt_id: str
    capability: str
    family: str
    expected_behavior: str
    messages: tuple[Message, ...]
    reference: str | None = None

    @property
    def sha(self) -> str:
        """SHA-256 of the conversation."""
        return sha256_of(list(self.messages))


@dataclass(frozen=True)
class Battery:
    """A versioned set of prompts. `sha` covers ids, capabilities, families, behaviours, references and texts."""

    name: str
    version: str
    sha: str
    prompts: tuple[Prompt, ...]


@dataclass(frozen=True)
class EndpointSpec:
    """Where and how to ask. `key_env` names the environment variable with the key; the key itself is never here."""

    name: str
    kind: Literal["openai_compatible", "checkpoint", "imported"]
    base_url: str | None = None
    key_env: str | None = None
    flavor: Literal["openrouter", "openai", "anthropic", "vllm", "ollama"] | None = None
    max_in_flight: int = 16
    timeout_s: float = 120.0
    max_attempts: int = 4
    device: str = "auto"
    batch_size: int = 64


@dataclass(frozen=True)
class CheckpointRef:
    """Which weights answer for a roster entry of a checkpoint endpoint.

    `base` is "laboratory" (the base model of the store's laboratory), or a Hugging Face path or id.
    `experiment` names the LoRA run whose checkpoints are served; None serves the base alone.
    `staged_epochs` are served in turn on the staged nights; a live night serves the last of them.
    `id` names one checkpoint of a persona experiment as raw.checkpoints does; the others then say nothing.
    """

    base: str = "laboratory"
    experiment: str | None = None
    staged_epochs: tuple[int, ...] = ()
    id: str | None = None

    @property
    def declared(self) -> dict[str, Any]:
        """What decides which weights answer, as plain values."""
        if self.id is not None:
            return {"id": self.id}
        return {"base": self.base, "experiment": self.experiment, "staged_epochs": self.staged_epochs}

    @property
    def is_of_laboratory(self) -> bool:
        """Whether the store's laboratory has to be there for it."""
        return self.id is None and self.base == "laboratory"

    def epoch(self, staged_night: int | None) -> int | None:
        """Return the epoch served on a staged night (from 0), or on a live one (None); None: the base alone."""
        if self.experiment is None or not self.staged_epochs:
            return None
        return self.staged_epochs[-1 if staged_night is None else min(staged_night, len(self.staged_epochs) - 1)]


@dataclass(frozen=True)
class DeclaredPrice:
    """What a model costs by the panel, in USD per million tokens; for endpoints whose catalogue has no prices."""

    prompt_usd_per_million: float
    completion_usd_per_million: float


@dataclass(frozen=True)
class RosterEntry:
    """One model of a roster and what is known of it; None where nothing was declared."""

    model: str
    endpoint: str
    role: Literal["member", "canary"] = "member"
    provider: str | None = None
    family: str | None = None
    architecture: str | None = None
    region: str | None = None
    open_weights: bool | None = None
    base_model: str | None = None
    served_names: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    system_prompt: str | None = None
    persona: str | None = None
    checkpoint: CheckpointRef | None = None
    price: DeclaredPrice | None = None

    @property
    def config_sha(self) -> str:
        """SHA-256 of settings and system prompt: what we chose, as against what the model is."""
        return sha256_of({"settings": self.settings, "system_prompt": self.system_prompt})

    @property
    def purpose(self) -> str:
        """Purpose of this entry's cells: a canary never enters convergence."""
        return "canary" if self.role == "canary" else "measure"


@dataclass(frozen=True)
class Judge:
    """Who judges the answers of a panel for one behaviour, and how. `served_as`: the one name its votes must carry."""

    behaviour: str
    endpoint: str
    model: str
    served_as: str
    prompt_version: str
    prompt_sha: str
    settings: dict[str, Any]
    votes: int
    price: DeclaredPrice | None = None


@dataclass(frozen=True)
class Confirmation:
    """How an alarm is confirmed the same night.

    `samples` answers to each prompt, None: as many as the wave asks. `share` of the budget is set aside for it.
    """

    ask: bool = True
    samples: int | None = None
    share: float = 0.1


@dataclass(frozen=True)
class Panel:
    """Roster x battery x samples. `prompts` are those asked (all of the battery, or the first n a capability)."""

    name: str
    path: Path
    battery: Battery
    prompts: tuple[Prompt, ...]
    roster: tuple[RosterEntry, ...]
    endpoints: dict[str, EndpointSpec]
    samples: int
    seed: int
    sha: str
    declared: dict[str, Any]
    staged_nights: int = 0
    budget_usd: float | None = None
    judges: tuple[Judge, ...] = ()
    confirmation: Confirmation = Confirmation()

    @property
    def confirmation_samples(self) -> int:
        """Answers to each prompt of a second sample: one where the wave asks one, else two or more, or no test."""
        return 1 if self.samples == 1 else max(2, self.confirmation.samples or self.samples)

    def entry(self, model: str) -> RosterEntry:
        """Return the roster entry of a model."""
        return next(entry for entry in self.roster if entry.model == model)

    def prompt(self, prompt_id: str) -> Prompt:
        """Return a prompt by id."""
        return next(prompt for prompt in self.prompts if prompt.prompt_id == prompt_id)
