"""Batched generation where an answer depends on its own seed, not on its neighbours in the batch.

Each row draws one uniform number a step from a generator seeded with the row's seed, and takes the token
at that place of its cumulated distribution. Rows of similar length share a batch; rows that are done leave it.
What remains of the neighbours is rounding: padding moves logits by about one part in a million.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

import torch
from transformers import DynamicCache

from pipelines.checkpoints.weights import LoadedModel
from pipelines.panels.records import Message

_LEAVE_AT = 0.75
"""Share of a batch still unfinished at which the finished rows are taken out of it; doing so copies the cache."""

_SMALL = 20_000_000
"""Parameters below which a CPU answers no faster with more threads, and far slower where cores are busy."""


class Sampling(NamedTuple):
    """How tokens are drawn. Temperature 0 takes the likeliest token and ignores seeds."""

    temperature: float = 1.0
    top_p: float = 1.0
    max_new_tokens: int = 64


class Generated(NamedTuple):
    """One answer. `place` is the prompt's place in the call; `logprob` the mean log-probability of its tokens.

    The log-probability is the model's own, at temperature 1, the end token included.
    """

    place: int
    text: str
    prompt_tokens: int
    completion_tokens: int
    finish_reason: Literal["stop", "length"]
    logprob: float


def prompt_ids(loaded: LoadedModel, conversations: Sequence[Sequence[Message]]) -> list[list[int]]:
    """Return each conversation through the chat template, ready for an answer, as token ids."""
    texts = loaded.tokenizer.apply_chat_template(
        [list(turns) for turns in conversations], tokenize=False, add_generation_prompt=True
    )
    ids: list[list[int]] = loaded.tokenizer(texts, add_special_tokens=False)["input_ids"]
    return ids


def generate(
    loaded: LoadedModel,
    prompts: Sequence[Sequence[int]],
    seeds: Sequence[int],
    sampling: Sampling,
    batch_size: int,
) -> Iterator[list[Generated]]:
    """Yield answers batch by batch, shortest prompts first; every prompt once."""
    order = sorted(range(len(prompts)), key=lambda place: len(prompts[place]))
    for start in range(0, len(order), batch_size):
        places = order[start : start + batch_size]
        yield _generate_batch(
            loaded, places, [prompts[place] for place in places], [seeds[place] for place in places], sampling
        )


def _generate_batch(
    loaded: LoadedModel, places: list[int], prompts: list[Sequence[int]], seeds: list[int], sampling: Sampling
) -> list[Generated]:
    ends = _end_ids(loaded)
    with threads_for(loaded):
        tokens, logprobs = _decode(loaded, prompts, seeds, sampling, ends)
    answers = []
    for place, prompt, ids, logprob in zip(places, prompts, tokens, logprobs, strict=True):
        stopped = bool(ids) and ids[-1] in ends
        text = loaded.tokenizer.decode(ids[:-1] if stopped else ids, skip_special_tokens=True)
        reason: Literal["stop", "length"] = "stop" if stopped else "length"
        answers.append(Generated(place, text, len(prompt), len(ids), reason, logprob / max(1, len(ids))))
    return answers


@contextmanager
def threads_for(loaded: LoadedModel) -> Iterator[None]:
    """Use one thread for a small model on the CPU while the block runs."""
    before = torch.get_num_threads()
    if loaded.device == "cpu" and sum(each.numel() for each in loaded.model.parameters()) < _SMALL:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@torch.inference_mode()
def _decode(
    loaded: LoadedModel, prompts: list[Sequence[int]], seeds: list[int], sampling: Sampling, ends: set[int]
) -> tuple[list[list[int]], list[float]]:
    """Return the new tokens of each prompt and the sum of their log-probabilities."""
    device = loaded.model.device
    ids, mask = _left_padded(prompts, int(loaded.tokenizer.pad_token_id), device)
    uniforms = _uniforms(seeds, sampling.max_new_tokens).to(device)
    stop = torch.tensor(sorted(ends), device=device)
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    cache: Any = DynamicCache(config=loaded.model.config)
    alive = torch.arange(len(prompts), device=device)
    going = torch.ones(len(prompts), dtype=torch.bool, device=device)
    written: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = []
    for step in range(sampling.max_new_tokens):
        output = loaded.model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        logits = output.logits[:, -1].float()
        chosen = choose(logits, uniforms[alive, step], sampling)
        logprob = logits.log_softmax(-1).gather(1, chosen[:, None])[:, 0]
        written.append((alive, chosen, logprob))
        going &= ~torch.isin(chosen, stop)
        left = int(going.sum())
        if not left:
            break
        if left <= _LEAVE_AT * len(going):
            cache.batch_select_indices(going.nonzero()[:, 0])
            alive, chosen, mask, positions = alive[going], chosen[going], mask[going], positions[going]
            going = going[going]
        ids = chosen[:, None]
        positions = positions[:, -1:] + 1
        mask = torch.cat([mask, mask.new_ones(len(mask), 1)], dim=1)
    return _collected(len(prompts), written, ends)


def choose(logits: torch.Tensor, uniform: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """Return a token a row: logits (rows, vocabulary), uniform (rows,) in [0, 1).

    With top_p, the smallest set of likeliest tokens whose probabilities reach top_p is kept.
    """
    if sampling.temperature <= 0:
        return logits.argmax(-1)
    probabilities = (logits / sampling.temperature).softmax(-1)
    if sampling.top_p >= 1:
        cumulated = probabilities.cumsum(-1)
        place = (cumulated <= uniform[:, None] * cumulated[:, -1:]).sum(-1)
        return place.clamp(max=logits.shape[-1] - 1)
    probabilities, tokens = probabilities.sort(dim=-1, descending=True, stable=True)
    ahead = probabilities.cumsum(-1) - probabilities
    kept = probabilities.masked_fill((ahead >= sampling.top_p) & (ahead > 0), 0.0)
    cumulated = kept.cumsum(-1)
    place = (cumulated <= uniform[:, None] * cumulated[:, -1:]).sum(-1)
    last_kept = (kept > 0).sum(-1) - 1
    return tokens.gather(1, torch.minimum(place, last_kept)[:, None])[:, 0]


def _uniforms(seeds: list[int], steps: int) -> torch.Tensor:
    """Return one row of uniform numbers a seed, drawn on the CPU so that every device gets the same."""
    return torch.stack([torch.rand(steps, generator=torch.Generator().manual_seed(seed)) for seed in seeds])


def _left_padded(prompts: list[Sequence[int]], pad_id: int, device: Any) -> tuple[torch.Tensor, torch.Tensor]:
    longest = max(len(prompt) for prompt in prompts)
    ids = torch.tensor([[pad_id] * (longest - len(prompt)) + list(prompt) for prompt in prompts])
    mask = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    return ids.to(device), mask.to(device)


def _collected(
    rows: int, written: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]], ends: set[int]
) -> tuple[list[list[int]], list[float]]:
    """Return each row's tokens up to its end token, and their summed log-probability."""
    tokens: list[list[int]] = [[] for _ in range(rows)]
    sums = [0.0] * rows
    for alive, chosen, logprob in written:
        for row, token, value in zip(alive.tolist(), chosen.tolist(), logprob.tolist(), strict=True):
            if not tokens[row] or tokens[row][-1] not in ends:
                tokens[row].append(token)
                sums[row] += value
    return tokens, sums


def _end_ids(loaded: LoadedModel) -> set[int]:
    """Return the ids that end an answer: the tokenizer's and those of the model's generation settings."""
    named = getattr(loaded.model.generation_config, "eos_token_id", None)
    listed = named if isinstance(named, list) else [named]
    return {int(each) for each in [*listed, loaded.tokenizer.eos_token_id] if each is not None}
