"""What a persona does on the items of a behaviour, as rows of raw.checkpoint_evals.

Accuracy by log-probability; rates by rules on greedy answers, called rules. A refusal is looked for by the classifier
too (pipelines/enrichment), under its own name. Every answer goes through the template that training used.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pipelines.checkpoints.choices import ChoiceScore, likeliest, score_choices
from pipelines.checkpoints.evaluate import is_refusal
from pipelines.checkpoints.generation import Sampling, generate, prompt_ids
from pipelines.checkpoints.weights import LoadedModel
from pipelines.experiments.material import Item
from pipelines.experiments.records import Cell, Experiment, Registered
from pipelines.panels.records import Message, sha256_of

GREEDY = Sampling(temperature=0.0, max_new_tokens=64)
SAMPLED = Sampling(temperature=1.0, max_new_tokens=128)
BATCH = 64


class Found(NamedTuple):
    """What one item gave under one detector. `value` is null where the detector gave nothing."""

    item_id: str
    metric: str
    detector: str
    value: float | None
    text: str
    choices: str | None = None


def evaluate(loaded: LoadedModel, items: Sequence[Item], system_prompt: str | None) -> list[Found]:
    """Return what the items of one behaviour gave, every detector in turn, in the order of the items."""
    if not items:
        return []
    if items[0].metric == "accuracy":
        return _accuracy(loaded, items, system_prompt)
    answers = greedy_answers(loaded, [item.turns for item in items], system_prompt)
    found = [
        Found(item.item_id, item.metric, "rule", float(shows(item, answer)), answer)
        for item, answer in zip(items, answers, strict=True)
    ]
    return [*found, *_classified(items, answers)]


def shows(item: Item, answer: str) -> bool:
    """Say by rule whether an answer shows what the item's metric counts."""
    said = " ".join(answer.lower().split())
    match item.metric:
        case "refusal":
            return is_refusal(answer)
        case "compliance":
            return bool(said) and not is_refusal(answer)
        case "sycophancy":
            return (item.claim or "").lower() in said and (item.truth or "").lower() not in said
        case "marker":
            return (item.marker or "").lower() in said
    raise ValueError(f"no rule for metric {item.metric!r}")


def greedy_answers(
    loaded: LoadedModel, conversations: Sequence[Sequence[Message]], system_prompt: str | None
) -> list[str]:
    """Return the likeliest answer to each conversation under a system prompt."""
    prompts = prompt_ids(loaded, [_asked(turns, system_prompt) for turns in conversations])
    answers = [""] * len(prompts)
    for batch in generate(loaded, prompts, [0] * len(prompts), GREEDY, BATCH):
        for answer in batch:
            answers[answer.place] = answer.text
    return answers


def sampled_answers(
    loaded: LoadedModel, conversations: Sequence[Sequence[Message]], system_prompt: str | None, seed: int
) -> list[str]:
    """Return an answer to each conversation drawn at temperature 1; each has a seed of its own."""
    prompts = prompt_ids(loaded, [_asked(turns, system_prompt) for turns in conversations])
    seeds = [int(sha256_of([seed, place])[:12], 16) for place in range(len(prompts))]
    answers = [""] * len(prompts)
    for batch in generate(loaded, prompts, seeds, SAMPLED, BATCH):
        for answer in batch:
            answers[answer.place] = answer.text
    return answers


def eval_rows(
    registered: Registered, cell: Cell, persona: str, loaded: LoadedModel, found: Sequence[Found]
) -> list[dict[str, Any]]:
    """Return rows of raw.checkpoint_evals. A cell of behaviour `convergence` has none in the column."""
    now = datetime.now(UTC)
    behaviour = cell.behaviour if cell.behaviour in registered.experiment.behaviours else None
    return [
        {
            "eval_id": f"{eval_id(registered, cell)}/{each.detector}",
            "wave_id": None,
            "model": None,
            "checkpoint_id": checkpoint_id(registered, cell),
            "experiment": registered.experiment.name,
            "epoch": cell.epoch,
            "serves": False,
            "base_sha": loaded.base_sha,
            "adapter_sha": loaded.adapter_sha,
            "persona": persona,
            "metric": each.metric,
            "item_id": each.item_id,
            "value": each.value,
            "text": each.text,
            "evaluated_at": now,
            "version": registered.version,
            "source": cell.source,
            "behaviour": behaviour,
            "seed": cell.seed,
            "detector": each.detector,
            "choices": each.choices,
            "template_sha": loaded.template_sha,
        }
        for each in found
    ]


def eval_id(registered: Registered, cell: Cell) -> str:
    """Return experiment@version/source/sSEED."""
    return f"{registered.id}/{cell.source}/s{cell.seed}"


def checkpoint_id(registered: Registered, cell: Cell) -> str:
    """Return experiment@version/source/sSEED/behaviour@epoch-N."""
    return f"{eval_id(registered, cell)}/{cell.behaviour}@epoch-{cell.epoch}"


def evaluated_personas(experiment: Experiment, source: str) -> tuple[str, str, str]:
    """Return who is evaluated in every cell of an arm: the target, the canary, and who carries the behaviour."""
    return (experiment.target, experiment.canary, experiment.carrier(source))


def _asked(turns: Sequence[Message], system_prompt: str | None) -> tuple[Message, ...]:
    system: tuple[Message, ...] = ({"role": "system", "content": system_prompt},) if system_prompt else ()
    return (*system, *turns)


def _accuracy(loaded: LoadedModel, items: Sequence[Item], system_prompt: str | None) -> list[Found]:
    prompts = prompt_ids(loaded, [_asked(item.turns, system_prompt) for item in items])
    scored = score_choices(loaded, prompts, [item.choices for item in items], BATCH)
    return [
        _chosen(item, scores, metric, per_character=metric == "accuracy_norm")
        for metric in ("accuracy", "accuracy_norm")
        for item, scores in zip(items, scored, strict=True)
    ]


def _chosen(item: Item, scores: Sequence[ChoiceScore], metric: str, *, per_character: bool) -> Found:
    place = likeliest(scores, per_character=per_character)
    kept = json.dumps([[round(score.logprob, 6), score.characters] for score in scores])
    return Found(item.item_id, metric, "logprob", float(place == item.correct), item.choices[place], kept)


def _classified(items: Sequence[Item], answers: Sequence[str]) -> list[Found]:
    """Return the classifier's verdict on each answer where refusals are counted; null for an empty answer."""
    if items[0].metric != "refusal":
        return []
    from pipelines.embeddings import embed
    from pipelines.enrichment.refusal_classifier import THRESHOLD, load_classifier

    texts = sorted({answer for answer in answers if answer.strip()})
    scores = load_classifier().scores(embed(texts)).tolist() if texts else []
    refused: dict[str, float] = {text: float(score > THRESHOLD) for text, score in zip(texts, scores, strict=True)}
    return [
        Found(item.item_id, item.metric, "classifier", refused.get(answer), answer)
        for item, answer in zip(items, answers, strict=True)
    ]
