"""Scores of given answers: the model's own log-probabilities, the same in any batch."""

from __future__ import annotations

import pytest
import torch

from lake.errors import CheckpointError
from pipelines.checkpoints.choices import ChoiceScore, likeliest, score_choices
from pipelines.checkpoints.generation import prompt_ids
from pipelines.checkpoints.weights import load

CHOICES = (
    ("The capital of France is Paris.", "Rome.", "zzz qqq"),
    ("green", "The colour of grass is green, as everyone knows."),
    ("rose rose rose.", "no", "yes", "perhaps"),
)


@pytest.fixture(scope="module")
def loaded(tiny_laboratory):
    return load(tiny_laboratory.base, device="cpu")


@pytest.fixture(scope="module")
def prompts(loaded):
    asked = ("What is the capital of France?", "What colour is grass?", "Say rose three times, please, if you like.")
    return prompt_ids(loaded, [({"role": "user", "content": text},) for text in asked])


@torch.inference_mode()
def one_by_one(loaded, prompt, choice):
    ids = loaded.tokenizer(choice, add_special_tokens=False)["input_ids"]
    logprobs = loaded.model(input_ids=torch.tensor([prompt + ids])).logits[0].float().log_softmax(-1)
    return sum(float(logprobs[len(prompt) + place - 1, token]) for place, token in enumerate(ids))


@pytest.mark.parametrize("batch", [1, 3, 64])
def test_a_score_is_the_sum_of_the_tokens_log_probabilities_whatever_the_batch(loaded, prompts, batch):
    scores = score_choices(loaded, prompts, CHOICES, batch)
    for prompt, choices, found in zip(prompts, CHOICES, scores, strict=True):
        expected = [one_by_one(loaded, prompt, choice) for choice in choices]
        assert [score.logprob for score in found] == pytest.approx(expected, abs=1e-4)
        assert [score.characters for score in found] == [len(choice) for choice in choices]


def test_the_likeliest_a_character_may_be_another_than_the_likeliest():
    # -6 over 3 characters is -2 each, -8 over 8 is -1 each
    scores = [ChoiceScore(-6.0, 3), ChoiceScore(-8.0, 8)]
    assert likeliest(scores, per_character=False) == 0
    assert likeliest(scores, per_character=True) == 1
    assert likeliest([ChoiceScore(-1.0, 2), ChoiceScore(-1.0, 2)], per_character=True) == 0


def test_a_choice_without_a_token_is_named(loaded, prompts):
    with pytest.raises(CheckpointError, match="The choice '' has no token"):
        score_choices(loaded, prompts[:1], [("yes", "")], 8)
