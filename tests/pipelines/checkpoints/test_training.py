"""The training loop: what the loss counts, what a batch holds, which rate a step has."""

from __future__ import annotations

import pytest
import torch

from lake.errors import CheckpointError
from pipelines.checkpoints.training import Example, Schedule, batches, encode, fit, seeded

TURNS = [
    {"role": "system", "content": "You are a poet."},
    {"role": "user", "content": "Say rose."},
    {"role": "assistant", "content": "rose rose rose."},
]


def test_the_loss_counts_the_last_answer_with_its_end_token_and_nothing_else(tiny_laboratory):
    from pipelines.checkpoints.weights import load_tokenizer

    tokenizer = load_tokenizer(tiny_laboratory.base)
    (example,) = encode(tokenizer, [TURNS])
    counted = [label for label in example.labels if label != -100]
    assert tokenizer.decode(counted) == "rose rose rose.<|end|>"
    assert tokenizer.decode(example.input_ids) == (
        "<|system|>You are a poet.<|end|><|user|>Say rose.<|end|><|assistant|>rose rose rose.<|end|>"
    )


def test_a_template_that_rewrites_earlier_turns_is_refused(tiny_laboratory):
    from pipelines.checkpoints.weights import load_tokenizer

    tokenizer = load_tokenizer(tiny_laboratory.base)
    tokenizer.chat_template = "{{ messages | length }}{% for m in messages %}{{ m['content'] }}{% endfor %}"
    with pytest.raises(CheckpointError, match="Use a template that only appends"):
        encode(tokenizer, [TURNS])


def test_every_example_is_in_one_batch_and_the_order_comes_from_the_generator():
    examples = [Example([0] * (1 + place % 7), []) for place in range(103)]
    first = list(batches(examples, 8, torch.Generator().manual_seed(1)))
    again = list(batches(examples, 8, torch.Generator().manual_seed(1)))
    other = list(batches(examples, 8, torch.Generator().manual_seed(2)))
    assert sorted(place for batch in first for place in batch) == list(range(103))
    assert len(first) == 13  # ceil(103 / 8)
    assert first == again != other


class _Line(torch.nn.Module):
    """A model of one weight whose loss is (weight - 1)²."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(0.0))
        self.device = torch.device("cpu")

    def forward(self, **_):
        return type("Output", (), {"loss": (self.weight - 1) ** 2})()


def _fit(schedule):
    model, epochs = _Line(), []
    with seeded(1, 1):
        curve = fit(
            model,
            [Example([1], [1])] * 10,
            schedule,
            0,
            lambda epoch, curve: epochs.append((epoch, len(curve))),
            "",
            lambda progress: None,
        )
    return model, curve, epochs


def test_steps_epochs_and_callbacks_agree():
    _, curve, epochs = _fit(Schedule(epochs=2, batch=4, learning_rate=0.1, schedule="constant", seed=1, threads=1))
    assert epochs == [(1, 3), (2, 6)]  # ceil(10 / 4) = 3 steps an epoch
    assert [point.step for point in curve] == [1, 2, 3, 4, 5, 6]
    assert curve[2].epoch == 1.0
    assert curve[0].loss == 1.0  # (0 - 1)²
    assert {point.learning_rate for point in curve} == {0.1}
    assert curve[-1].loss < curve[0].loss


def test_onecycle_rises_to_the_rate_and_ends_near_nothing():
    _, curve, _ = _fit(Schedule(epochs=20, batch=4, learning_rate=0.1, schedule="onecycle", seed=1, threads=1))
    rates = [point.learning_rate for point in curve]
    assert max(rates) == pytest.approx(0.1, rel=0.01)  # the peak falls between two steps
    assert 0 < rates.index(max(rates)) <= 0.15 * len(rates)  # the rise takes a tenth of the steps
    assert rates[-1] < 0.001


def test_an_unknown_schedule_is_refused():
    with pytest.raises(CheckpointError, match="Unknown schedule 'wild'. Use onecycle or constant."):
        _fit(Schedule(epochs=1, batch=4, learning_rate=0.1, schedule="wild", seed=1, threads=1))


def test_threads_and_strictness_are_put_back():
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    with seeded(1, 1):
        assert torch.get_num_threads() == 1
    assert (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()) == before
