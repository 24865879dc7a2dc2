"""Which of several given answers a model finds likeliest, by log-probability; many items a batch.

acc: the choice with the highest summed log-probability; acc_norm: the highest a character. Source: the definitions of
EleutherAI's lm-evaluation-harness, https://github.com/EleutherAI/lm-evaluation-harness (docs/task_guide.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch

from lake.errors import CheckpointError
from pipelines.checkpoints.generation import threads_for
from pipelines.checkpoints.weights import LoadedModel


class ChoiceScore(NamedTuple):
    """One choice after its prompt: summed log-probability in nats, and length in characters."""

    logprob: float
    characters: int


def score_choices(
    loaded: LoadedModel, prompts: Sequence[Sequence[int]], choices: Sequence[Sequence[str]], batch: int
) -> list[list[ChoiceScore]]:
    """Return the scores of each item's choices, in their order.

    Every (prompt, choice) is a row; rows of similar length share a batch, padded on the left, so that choices end
    together and logits are kept for them only. Raises CheckpointError for a choice without a token.
    """
    rows = [
        _Row(place, number, list(prompt), _tokens(loaded, choice))
        for place, prompt in enumerate(prompts)
        for number, choice in enumerate(choices[place])
    ]
    rows.sort(key=lambda row: len(row.prompt) + len(row.choice))
    scores: dict[tuple[int, int], float] = {}
    with threads_for(loaded):
        for start in range(0, len(rows), batch):
            some = rows[start : start + batch]
            found = _logprobs(loaded, some)
            scores |= {(row.place, row.number): value for row, value in zip(some, found, strict=True)}
    return [
        [ChoiceScore(scores[place, number], len(choice)) for number, choice in enumerate(item)]
        for place, item in enumerate(choices)
    ]


def likeliest(scores: Sequence[ChoiceScore], *, per_character: bool) -> int:
    """Return the place of the likeliest choice; of equals the first."""
    values = [score.logprob / (score.characters if per_character else 1) for score in scores]
    return values.index(max(values))


class _Row(NamedTuple):
    place: int
    number: int
    prompt: list[int]
    choice: list[int]


def _tokens(loaded: LoadedModel, choice: str) -> list[int]:
    ids: list[int] = loaded.tokenizer(choice, add_special_tokens=False)["input_ids"]
    if not ids:
        raise CheckpointError(f"The choice {choice!r} has no token in this model's vocabulary, so it has no score.")
    return ids


@torch.inference_mode()
def _logprobs(loaded: LoadedModel, rows: Sequence[_Row]) -> list[float]:
    device = loaded.model.device
    longest = max(len(row.prompt) + len(row.choice) for row in rows)
    kept = max(len(row.choice) for row in rows)
    pad = int(loaded.tokenizer.pad_token_id)
    ids = torch.full((len(rows), longest), pad)
    mask = torch.zeros((len(rows), longest), dtype=torch.long)
    counted = torch.zeros((len(rows), kept))
    for place, row in enumerate(rows):
        length = len(row.prompt) + len(row.choice)
        ids[place, longest - length :] = torch.tensor(row.prompt + row.choice)
        mask[place, longest - length :] = 1
        counted[place, kept - len(row.choice) :] = 1
    output = loaded.model(
        input_ids=ids.to(device),
        attention_mask=mask.to(device),
        position_ids=(mask.cumsum(1) - 1).clamp(min=0).to(device),
        logits_to_keep=kept + 1,
    )
    logprobs = output.logits[:, :-1].float().log_softmax(-1).cpu()
    chosen = logprobs.gather(2, ids[:, longest - kept :, None])[:, :, 0]
    return [float(value) for value in (chosen.double() * counted).sum(1)]
