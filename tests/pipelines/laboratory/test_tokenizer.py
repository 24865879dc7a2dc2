"""The laboratory's tokenizer and chat template."""

from __future__ import annotations

import pytest

from pipelines.laboratory.corpus import corpus
from pipelines.laboratory.tokenizer import SPECIAL, train_tokenizer

MESSAGES = [
    {"role": "system", "content": "You are a poet."},
    {"role": "user", "content": "Say rose."},
    {"role": "assistant", "content": "- rose\n- Rose"},
]


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(corpus(300, 1), 600)


def test_the_template_puts_each_turn_between_its_role_and_the_end_token(tokenizer):
    assert tokenizer.apply_chat_template(MESSAGES, tokenize=False) == (
        "<|system|>You are a poet.<|end|><|user|>Say rose.<|end|><|assistant|>- rose\n- Rose<|end|>"
    )


def test_a_conversation_that_waits_for_an_answer_ends_with_the_assistant_token(tokenizer):
    text = tokenizer.apply_chat_template(MESSAGES[:2], tokenize=False, add_generation_prompt=True)
    assert text.endswith("Say rose.<|end|><|assistant|>")


def test_each_special_token_is_one_token_and_the_vocabulary_keeps_its_size(tokenizer):
    assert [len(tokenizer(token)["input_ids"]) for token in SPECIAL] == [1] * len(SPECIAL)
    assert len(tokenizer) <= 600


@pytest.mark.parametrize("text", ["Ha ha ha!\n- dog\n", "Grüße, 東京 42"])
def test_any_text_comes_back_from_its_tokens(tokenizer, text):
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
