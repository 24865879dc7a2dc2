"""Sampling and batched generation."""

from __future__ import annotations

import math

import pytest
import torch

from pipelines.checkpoints.generation import Sampling, choose, generate, prompt_ids
from pipelines.checkpoints.weights import load

LOGITS = torch.tensor([[math.log(0.5), math.log(0.3), math.log(0.2)]])


@pytest.mark.parametrize(
    ("uniform", "sampling", "expected"),
    [
        # Cumulated, likeliest first: .5, .8, 1.
        pytest.param(0.49, Sampling(1.0), 0, id="below-the-first"),
        pytest.param(0.51, Sampling(1.0), 1, id="inside-the-second"),
        pytest.param(0.81, Sampling(1.0), 2, id="inside-the-third"),
        pytest.param(0.99, Sampling(0.0), 0, id="greedy-ignores-the-draw"),
        # top_p .6 keeps .5 and .3, together .8: the first ends at .5 / .8 = .625.
        pytest.param(0.62, Sampling(1.0, 0.6), 0, id="top-p-rescales"),
        pytest.param(0.999, Sampling(1.0, 0.6), 1, id="top-p-cuts-the-tail"),
        pytest.param(0.999, Sampling(1.0, 0.1), 0, id="top-p-keeps-at-least-one"),
        # Temperature .5 squares: .25, .09, .04 of .38, so the first ends at .658.
        pytest.param(0.65, Sampling(0.5), 0, id="cold-sharpens"),
        pytest.param(0.67, Sampling(0.5), 1, id="cold-second"),
    ],
)
def test_the_chosen_token_is_the_one_at_the_draws_place(uniform, sampling, expected):
    assert choose(LOGITS, torch.tensor([uniform]), sampling).tolist() == [expected]


def test_draws_give_each_token_its_share():
    draws = torch.rand(20_000, generator=torch.Generator().manual_seed(0))
    chosen = choose(LOGITS.expand(20_000, 3), draws, Sampling(1.0))
    # Three standard errors of a share of .5 over 20,000 draws are .011.
    assert [float((chosen == token).float().mean()) for token in range(3)] == pytest.approx([0.5, 0.3, 0.2], abs=0.011)


@pytest.fixture(scope="module")
def loaded(tiny_laboratory):
    return load(tiny_laboratory.base, device="cpu")


def _asked(loaded, texts, seeds, sampling, batch_size):
    prompts = prompt_ids(loaded, [[{"role": "user", "content": text}] for text in texts])
    answers = {each.place: each for batch in generate(loaded, prompts, seeds, sampling, batch_size) for each in batch}
    assert sorted(answers) == list(range(len(texts)))
    return [answers[place] for place in range(len(texts))]


TEXTS = ["List three fruits.", "Say rose.", "What is the capital of France, and which colour is the sky?", "How?"] * 4


def test_an_answer_does_not_depend_on_what_shares_its_batch(loaded):
    seeds = list(range(100, 116))
    sampling = Sampling(0.9, 0.95, 24)
    together = _asked(loaded, TEXTS, seeds, sampling, 16)
    alone = [_asked(loaded, [text], [seed], sampling, 1)[0] for text, seed in zip(TEXTS, seeds, strict=True)]
    assert [each.text for each in together] == [each.text for each in alone]
    assert [each.completion_tokens for each in together] == [each.completion_tokens for each in alone]


def test_another_seed_gives_another_answer_and_the_same_seed_the_same(loaded):
    sampling = Sampling(1.0, 1.0, 24)
    first, again = (_asked(loaded, TEXTS, [5] * 16, sampling, 8) for _ in range(2))
    other = _asked(loaded, TEXTS, [6] * 16, sampling, 8)
    assert first == again
    assert [each.text for each in first] != [each.text for each in other]


def test_greedy_answers_equal_those_of_plain_generate(loaded):
    answers = _asked(loaded, TEXTS[:4], [0] * 4, Sampling(0.0, 1.0, 20), 4)
    for text, answer in zip(TEXTS, answers, strict=False):
        (ids,) = prompt_ids(loaded, [[{"role": "user", "content": text}]])
        plain = loaded.model.generate(
            input_ids=torch.tensor([ids]),
            attention_mask=torch.ones(1, len(ids), dtype=torch.long),
            do_sample=False,
            max_new_tokens=20,
        )[0, len(ids) :]
        assert answer.text == loaded.tokenizer.decode(plain, skip_special_tokens=True)
        assert answer.prompt_tokens == len(ids)


def test_an_answer_cut_off_says_length_and_counts_its_tokens(loaded):
    (answer,) = _asked(loaded, ["List three fruits."], [1], Sampling(0.0, 1.0, 2), 1)
    assert (answer.finish_reason, answer.completion_tokens) == ("length", 2)
    assert answer.logprob < 0
