"""The shape of panel and battery files: keys, types and what belongs under each key.

Strict: a number is not taken for text nor text for a number, and an unknown key is refused.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from pipelines.panels.source import invalid, nearest

Text = Annotated[str, Field(pattern=r"\S")]
NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"
"""Names and versions: they stand in a wave_id, in a folder name, on a command line."""

CHECKPOINT_ID = (
    r"^(?P<name>[A-Za-z0-9][A-Za-z0-9_.-]*)@(?P<version>[1-9][0-9]*)/(?P<source>[A-Za-z0-9][A-Za-z0-9_.-]*)"
    r"/s(?P<seed>-?[0-9]+)/(?P<trained>[a-z]+)@epoch-(?P<epoch>[0-9]+)$"
)
"""A checkpoint of an experiment as raw.checkpoints names it. Every part is a folder name that leads nowhere else."""

Name = Annotated[str, Field(pattern=NAME)]
Word = Annotated[str, Field(pattern=r"^\S+$")]

Capability = Literal[
    "truthfulness", "safety_boundaries", "instruction_following", "uncertainty_expression", "context_awareness"
]
"""The five of `pipelines.panels.records.CAPABILITIES`, as a type."""

MOVING_NAME = re.compile(r"^~|^openrouter/|[*?\[]|(^|[/:@_-])(latest|auto)($|[:@_-])", re.IGNORECASE)
"""Names that stand for whatever model is behind them today. Source: OpenRouter's aliases and routers."""

_SEALED = re.compile(r"[0-9a-f]{64}")
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")


class Strict(BaseModel):
    """A mapping that refuses unknown keys and values of another type."""

    model_config = ConfigDict(strict=True, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _keys_are_known(cls, value: object) -> object:
        for key in value if isinstance(value, dict) else ():
            if key not in cls.model_fields:
                known = ", ".join(cls.model_fields)
                problem = f"unknown key {key!r}.{nearest(key, cls.model_fields)}"
                raise invalid(problem, f"The keys known here are {known}.", key)
        return value


class Turn(Strict):
    """One turn of a scripted conversation."""

    role: Literal["user", "assistant"] = Field(description="user or assistant")
    content: Text = Field(description="what is said, as text")


class PromptLine(Strict):
    """One prompt: a single `text`, or a conversation in `turns`."""

    id: Word = Field(description="unique within the battery, without spaces")
    capability: Capability = Field(description="one of the five capabilities")
    family: Text = Field(description="the kind of question inside the capability, as text")
    expected_behavior: Text = Field(description="what a good answer does, as text")
    reference: Text | None = Field(
        default=None, description="the reference answer, as text; leave it out where there is none"
    )
    text: Text | None = Field(default=None, description="the question, as text")
    turns: list[Turn] | None = Field(
        default=None, description="a list of {role, content} that begins and ends with the user"
    )

    @model_validator(mode="after")
    def _one_conversation(self) -> Self:
        if (self.text is None) == (self.turns is None):
            given = "both `text` and `turns`" if self.text is not None else "neither `text` nor `turns`"
            remedy = "Give `text` for one question, `turns` for a conversation."
            raise invalid(f"prompt {self.id!r} has {given}.", remedy)
        for number, turn in enumerate(self.turns or ()):
            expected = "user" if number % 2 == 0 else "assistant"
            if turn.role != expected:
                problem = f"turn {number + 1} of prompt {self.id!r} is the {turn.role}'s, not the {expected}'s."
                raise invalid(problem, "Turns alternate and begin with the user.", "turns")
        if self.turns is not None and len(self.turns) % 2 == 0:
            problem = f"prompt {self.id!r} does not end with a turn of the user."
            raise invalid(problem, "The last turn is the question that the model answers.", "turns")
        return self


class BatteryFile(Strict):
    """A battery as its file has it."""

    battery: Name = Field(description="the battery's name")
    version: Name = Field(description='the version as text, e.g. "1"')
    sha: str | None = Field(default=None, description="written by `python -m pipelines.panels.seal FILE`")
    declared: int | None = Field(default=None, ge=1, description="how many prompts the file holds")
    origin: Text | None = Field(default=None, description="where the prompts come from, as text")
    license: Text | None = Field(default=None, description="under which licence the prompts may be used, as text")
    prompts: list[PromptLine] = Field(description="a list of prompts", min_length=1)

    @field_validator("sha")
    @classmethod
    def _is_a_sha(cls, value: str | None) -> str | None:
        if value and not _SEALED.fullmatch(value):
            remedy = "It is written by `python -m pipelines.panels.seal FILE`, never by hand."
            raise invalid("`sha` is not 64 hexadecimal digits.", remedy)
        return value


class EndpointBlock(Strict):
    """Where and how to ask."""

    kind: Literal["openai_compatible", "checkpoint"] = Field(description="openai_compatible or checkpoint")
    flavor: Literal["openrouter", "openai", "anthropic", "vllm", "ollama"] | None = Field(
        default=None, description="openrouter, openai, anthropic, vllm or ollama"
    )
    base_url: str | None = Field(default=None, description="the address up to and with /v1, without a key in it")
    key_env: str | None = Field(default=None, description="the name of the environment variable that holds the key")
    max_in_flight: int = Field(default=16, ge=1, description="requests at one time, 1 or more")
    timeout_s: float = Field(default=120.0, gt=0, description="seconds to wait for an answer, above 0")
    max_attempts: int = Field(default=4, ge=1, description="requests for one cell at most, 1 or more")
    device: str = Field(default="auto", description="auto, cpu or cuda")
    batch_size: int = Field(default=64, ge=1, description="answers generated together, 1 or more")

    @field_validator("key_env")
    @classmethod
    def _names_a_variable(cls, value: str | None) -> str | None:
        if value is not None and not _VARIABLE.fullmatch(value):
            remedy = "Write the variable's name, e.g. OPENROUTER_API_KEY; a key itself never belongs in a file."
            raise invalid("`key_env` is not the name of an environment variable.", remedy)
        return value

    @field_validator("base_url")
    @classmethod
    def _is_an_address(cls, value: str | None) -> str | None:
        parts = urlsplit(value or "http://localhost")
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
            remedy = "Write it like https://openrouter.ai/api/v1; a key goes into the variable that `key_env` names."
            raise invalid("`base_url` is not a plain http or https address.", remedy)
        return value

    @model_validator(mode="after")
    def _can_be_reached(self) -> Self:
        if self.kind == "openai_compatible" and self.base_url is None:
            raise invalid("an openai_compatible endpoint needs `base_url`.", "Add `base_url: https://…/v1`.")
        if self.kind == "checkpoint" and (self.base_url is not None or self.key_env is not None):
            remedy = "Remove base_url and key_env, or set kind: openai_compatible."
            raise invalid("a checkpoint endpoint answers in process: it has no address and no key.", remedy)
        return self


class CheckpointBlock(Strict):
    """Which weights answer for a model of a checkpoint endpoint."""

    base: Text = Field(default="laboratory", description="laboratory, or the path or id of a Hugging Face model")
    experiment: Text | None = Field(default=None, description="the training run whose checkpoints are served")
    staged_epochs: list[Annotated[int, Field(ge=0)]] = Field(default=[], description="the epochs served night by night")
    id: Annotated[str, Field(pattern=CHECKPOINT_ID)] | None = Field(
        default=None,
        description="a checkpoint of a persona experiment by its id in raw.checkpoints, "
        "e.g. laboratory@1/villain/s7/refusal@epoch-2",
    )

    @model_validator(mode="after")
    def _an_id_says_all(self) -> Self:
        if self.id is not None and len(self.model_fields_set) > 1:
            beside = next(key for key in ("base", "experiment", "staged_epochs") if key in self.model_fields_set)
            remedy = "Keep `id` alone: the base is that of the experiment, the epoch is in the id."
            raise invalid(f"`id` and `{beside}` exclude each other.", remedy, beside)
        return self

    @model_validator(mode="after")
    def _epochs_belong_to_an_experiment(self) -> Self:
        if (self.experiment is None) != (not self.staged_epochs):
            remedy = "Give both to serve checkpoints, neither to serve the base alone."
            raise invalid("`experiment` and `staged_epochs` need each other.", remedy)
        return self


class PriceBlock(Strict):
    """What a model costs where the endpoint's catalogue does not say it."""

    prompt_usd_per_million: float = Field(
        ge=0, allow_inf_nan=False, description="USD for a million tokens of prompt, 0 or more"
    )
    completion_usd_per_million: float = Field(
        ge=0, allow_inf_nan=False, description="USD for a million tokens of answer, 0 or more"
    )


class RosterLine(Strict):
    """One model and what is known of it."""

    model: Word = Field(description="the model's id at its endpoint, without spaces")
    endpoint: Text | None = Field(default=None, description="the name of an endpoint of this panel")
    role: Literal["member", "canary"] = Field(default="member", description="member, or canary for a control")
    provider: Text | None = Field(default=None, description="who made the model, as text")
    family: Text | None = Field(default=None, description="the model family, as text")
    architecture: Text | None = Field(default=None, description="the architecture, as text")
    region: Text | None = Field(default=None, description="the region of the maker, as text")
    open_weights: bool | None = Field(default=None, description="true or false")
    base_model: Text | None = Field(default=None, description="the model it was derived from, as text")
    served_names: list[Text] | None = Field(
        default=None, description="a list of names it may answer under; * matches any text"
    )
    settings: dict[str, Any] = Field(default={}, description="request settings as key: value, e.g. {temperature: 0.7}")
    system_prompt: Text | None = Field(default=None, description="the system prompt, as text")
    persona: Text | None = Field(default=None, description="a persona of the laboratory, whose system prompt is sent")
    checkpoint: CheckpointBlock | None = Field(
        default=None, description="the weights that answer: base, experiment, … or id"
    )
    price: PriceBlock | None = Field(
        default=None, description="prompt_usd_per_million and completion_usd_per_million, where no catalogue has them"
    )

    @model_validator(mode="after")
    def _one_system_prompt(self) -> Self:
        if self.persona is not None and self.system_prompt is not None:
            problem = f"{self.model!r} has both `persona` and `system_prompt`."
            raise invalid(problem, "Keep one: a persona brings its own system prompt.", "system_prompt")
        return self


class JudgeLine(Strict):
    """A model that judges the answers of the others. One model, under one name, for each behaviour."""

    endpoint: Text = Field(description="the name of an endpoint of this file")
    model: Word = Field(description="the judge's id at its endpoint, one that always means the same model")
    behaviours: list[Literal["refusal", "sycophancy", "alignment"]] = Field(
        description="a list of refusal, sycophancy, alignment", min_length=1
    )
    prompt_version: Text = Field(default="1", description='the version of the judge\'s prompt as text, e.g. "1"')
    votes: int = Field(default=1, ge=1, description="votes on each answer, 1 or more")
    served_as: Word | None = Field(
        default=None, description="the one name its votes must carry, the model's own if none"
    )
    settings: dict[str, Any] = Field(default={}, description="request settings as key: value, e.g. {max_tokens: 16}")
    price: PriceBlock | None = Field(
        default=None, description="prompt_usd_per_million and completion_usd_per_million, where no catalogue has them"
    )

    @model_validator(mode="after")
    def _is_pinned(self) -> Self:
        for key, name in (("model", self.model), ("served_as", self.served_as or self.model)):
            if MOVING_NAME.search(name):
                problem = f"the judge {name!r} is a moving name: its votes would come from another model some night."
                raise invalid(problem, "Name one model by its full, dated id.", key)
        return self


class ConfirmationBlock(Strict):
    """The second sample that a drift alarm asks for the same night, before the drift is called behaviour."""

    ask: bool = Field(default=True, description="true, or false: alarms stay unconfirmed and cost nothing")
    samples: int | None = Field(
        default=None, ge=2, description="fresh answers to each prompt, 2 or more; as many as `samples` by default"
    )
    share: float = Field(default=0.1, ge=0, le=0.9, description="part of the budget set aside for it, 0 to 0.9")


class Defaults(Strict):
    """What holds for every model of the roster that does not say otherwise."""

    endpoint: Text | None = Field(default=None, description="the name of an endpoint of this panel")
    settings: dict[str, Any] = Field(default={}, description="request settings as key: value, e.g. {temperature: 0.7}")
    system_prompt: Text | None = Field(default=None, description="the system prompt, as text")


class PanelFile(Strict):
    """A panel as its file has it."""

    panel: Name = Field(description="the panel's name")
    battery: Text = Field(description="the name of a battery, or the path of its YAML file")
    prompts_per_capability: int | None = Field(default=None, ge=1, description="how many prompts of each, 1 or more")
    samples: int = Field(ge=1, description="answers to each prompt, 1 or more")
    seed: int = Field(ge=0, description="the seed of the order and of the sampling, 0 or more")
    staged_nights: int = Field(default=0, ge=0, description="nights played on an empty lake, 0 or more")
    budget_usd: float | None = Field(default=None, gt=0, description="USD that a wave may cost, above 0")
    confirmation: ConfirmationBlock = Field(
        default=ConfirmationBlock(), description="how an alarm is confirmed: ask, samples, share of the budget"
    )
    defaults: Defaults = Field(default=Defaults(), description="endpoint, settings and system_prompt of every model")
    endpoints: dict[Name, EndpointBlock] = Field(description="endpoints by name", min_length=1)
    roster: list[RosterLine] = Field(description="a list of models", min_length=1)
    judges: list[JudgeLine] = Field(default=[], description="a list of models that judge the answers; none by default")


def _hints(*shapes: type[Strict]) -> dict[str, str]:
    """Return what belongs under each key of some shapes, the outermost first."""
    hints: dict[str, str] = {}
    for shape in shapes:
        for name, field in shape.model_fields.items():
            hints.setdefault(name, str(field.description))
    return hints


BATTERY_HINTS = _hints(BatteryFile, PromptLine, Turn)
PANEL_HINTS = _hints(
    PanelFile, Defaults, RosterLine, CheckpointBlock, PriceBlock, EndpointBlock, JudgeLine, ConfirmationBlock
)
