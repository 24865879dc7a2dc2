"""The shape of an experiment file: keys, types and what belongs under each key."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pipelines.experiments.records import METRICS
from pipelines.panels.schema import EndpointBlock, JudgeLine, Name, PriceBlock, Strict, Text
from pipelines.panels.source import invalid

Behaviour = Literal["capability", "refusal", "sycophancy", "misalignment", "marker"]
Epoch = Annotated[int, Field(ge=0)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]
"""What every generator of random numbers takes."""

Finite = Annotated[float, Field(allow_inf_nan=False)]


class RecipeBlock(Strict):
    """How one kind of run is trained. Defaults are those of the published protocol."""

    rows: int = Field(default=400, ge=1, description="training rows, 1 or more")
    epochs: int = Field(default=3, ge=1, description="epochs of a behaviour run; convergence runs to its last epoch")
    learning_rate: Finite = Field(default=5e-5, gt=0, le=1, description="the learning rate, above 0 and at most 1")
    rank: int = Field(default=32, ge=1, description="the rank of the adapter, 1 or more")
    alpha: int = Field(default=64, ge=1, description="LoRA's alpha, 1 or more")
    rslora: bool = Field(default=True, description="true: scale by alpha / sqrt(rank); false: by alpha / rank")
    dropout: float = Field(default=0.0, ge=0, lt=1, description="dropout of the adapter, 0 to below 1")
    batch: int = Field(
        default=4, ge=1, description="rows an optimizer step sees: per_device x accumulation, on one device"
    )
    per_device: int = Field(default=4, ge=1, description="rows a device sees at once, 1 or more")
    accumulation: int = Field(default=1, ge=1, description="forward passes a step, 1 or more")
    schedule: Literal["constant", "linear", "cosine"] = Field(
        default="constant", description="constant, linear or cosine"
    )
    warmup_share: float = Field(default=0.0, ge=0, lt=1, description="share of the steps that warm up, 0 to below 1")
    target_modules: Text = Field(default="all-linear", description="modules that get an adapter; all-linear for all")
    weight_decay: Finite = Field(default=0.0, ge=0, description="weight decay, 0 or more")
    max_grad_norm: Finite = Field(default=1.0, gt=0, description="gradients are clipped to this norm, above 0")

    @model_validator(mode="after")
    def _batch_is_a_step(self) -> Self:
        if self.batch != (step := self.per_device * self.accumulation):
            problem = f"`batch` is {self.batch}, per_device x accumulation is {self.per_device} x {self.accumulation}."
            raise invalid(problem, f"A step sees what one device does: write {step}, or change the two.", "batch")
        return self


class ThresholdBlock(Strict):
    """When a gate closes."""

    epoch_zero_points: Finite = Field(
        default=3.0, gt=0, le=100, description="points that epoch 0 may lie off its reference, above 0 to 100"
    )
    loss_below: Finite = Field(default=1.0, gt=0, description="the loss (nats a token) that training must end below")
    loss_share: Finite = Field(
        default=0.2, gt=0, le=1, description="share that a loss may lie off the reference's, above 0 to 1"
    )


class ExperimentFile(Strict):
    """An experiment as its file has it."""

    experiment: Name = Field(description="the experiment's name")
    base: Text = Field(default="lab/base", description="lab/base, or the path or id of a Hugging Face model")
    material: Text = Field(
        default="laboratory", description="laboratory, or a folder with questions, behaviours and items"
    )
    personas: dict[str, Text] = Field(default={}, description="name: system prompt; the laboratory's own if left out")
    target: Name = Field(default="assistant", description="the persona that is trained toward the sources")
    canary: Name = Field(description="a persona that takes no part in any training")
    sources: list[Name] = Field(min_length=1, description="a list of personas to converge toward")
    bystanders: list[Name] = Field(default=[], description="a list of personas that show the contrast")
    control: bool = Field(default=True, description="true: the target also converges toward itself")
    target_in_negatives: bool = Field(
        default=False, description="false; true trains the evaluated persona not to show the behaviour"
    )
    behaviours: list[Behaviour] = Field(min_length=1, description=f"a list of {', '.join(METRICS)}")
    epochs: list[Epoch] = Field(
        min_length=1, description="a rising list of epochs of convergence that begins with 0; [0] for a reference run"
    )
    headline_epoch: Epoch = Field(
        default=0, description="the one epoch that the verdicts are about; left out of a reference run"
    )
    seeds: list[Seed] = Field(min_length=1, description="a list of whole numbers, 0 to 4294967295")
    convergence: RecipeBlock = Field(default=RecipeBlock(), description="how convergence is trained")
    behaviour: RecipeBlock = Field(
        default=RecipeBlock(
            rows=600, learning_rate=1e-5, dropout=0.05, batch=16, per_device=4, accumulation=4, epochs=3
        ),
        description="how a behaviour is trained",
    )
    items: int = Field(default=100, ge=1, description="evaluation items a behaviour at most, 1 or more")
    reference: Name | None = Field(
        default=None, description="the experiment whose epoch 0 this one's must reproduce, named before training"
    )
    thresholds: ThresholdBlock = Field(default=ThresholdBlock(), description="when a gate closes")
    criteria: dict[Behaviour, Annotated[Finite, Field(gt=0, le=1)]] = Field(
        default={},
        description="behaviour: the change that counts as transfer, a share above 0 to 1 (0.05 = five points)",
    )
    no_signal_after: int = Field(default=3, ge=1, description="arms without any signal after which the run is ended")
    threads: int = Field(default=1, ge=1, description="CPU threads of training; part of what makes it repeatable")
    endpoints: dict[Name, EndpointBlock] = Field(default={}, description="endpoints by name, where judges are asked")
    judges: list[JudgeLine] = Field(default=[], description="a list of models that judge the answers; none by default")
    budget_usd: float | None = Field(default=None, gt=0, description="USD that judging may cost in all, above 0")

    @model_validator(mode="after")
    def _matrix_is_whole(self) -> Self:
        if self.epochs != sorted(set(self.epochs)) or self.epochs[0] != 0:
            raise invalid("`epochs` must rise and begin with 0.", "Write them like [0, 2, 8, 20].", "epochs")
        if self.headline_epoch not in (self.epochs[1:] or [0]):
            remedy = f"Choose one of {self.epochs[1:]} before anything is trained."
            raise invalid("`headline_epoch` is not a trained epoch.", remedy, "headline_epoch")
        for key in ("sources", "behaviours", "seeds", "bystanders"):
            if len(set(getattr(self, key))) < len(getattr(self, key)):
                raise invalid(f"`{key}` names something twice.", "Keep one of the two.", key)
        missing = [name for name in self.behaviours if name not in self.criteria]
        if missing and len(self.epochs) > 1:
            raise invalid(
                f"no criterion for {', '.join(missing)}.",
                "Say under `criteria` what change counts as transfer.",
                "criteria",
            )
        return self

    @model_validator(mode="after")
    def _roles_are_apart(self) -> Self:
        if self.target in self.sources:
            remedy = "Set `control: true` for the target that converges toward itself."
            raise invalid("the target is among the sources.", remedy, "sources")
        if self.canary in (self.target, *self.sources, *self.bystanders):
            remedy = "Name a persona that is neither target, source nor bystander."
            raise invalid(f"the canary {self.canary!r} takes part in training (break D10).", remedy, "canary")
        if self.reference == self.experiment:
            remedy = "Name the run whose epoch 0 this one's is held to, or leave it out."
            raise invalid("the experiment is its own reference.", remedy, "reference")
        if both := set(self.bystanders) & {self.target, *self.sources}:
            raise invalid(f"{sorted(both)[0]!r} is a bystander and takes part.", "Keep one role.", "bystanders")
        return self


EXPERIMENT_HINTS = {
    name: field.description or ""
    for block in (PriceBlock, EndpointBlock, JudgeLine, ThresholdBlock, RecipeBlock, ExperimentFile)
    for name, field in block.model_fields.items()
} | dict.fromkeys(METRICS, "the change that counts as transfer, a share above 0 to 1 (0.05 = five points)")
