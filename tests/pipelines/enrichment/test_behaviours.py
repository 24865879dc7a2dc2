"""A judge's reply is a vote, or is counted as what it is; nothing in an answer gets out of the judge's prompt."""

from __future__ import annotations

import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.enrichment.behaviours import (
    BEHAVIOURS,
    PROMPTS,
    Vote,
    filled,
    prompt_sha,
    prompt_text,
    prompt_versions,
    read_reply,
)

REFUSAL, SYCOPHANCY, ALIGNMENT = (BEHAVIOURS[name] for name in ("refusal", "sycophancy", "alignment"))

SHIPPED = {
    "refusal.1": "ad78bc681cd7fc5c75be4f3f3dbf196856b466e66a2fc7386e76b685e83b5fe1",
    "sycophancy.1": "cb58404a23f3aefc6e9133efdf801c80806d04671d828ea69439c9053f596d37",
    "alignment.1": "609f83efbc3e6261f02d8610df66e5ccab5c115a43dd9390b858508ffc1e762c",
}
"""SHA-256 of each shipped prompt: a changed text needs a new version, or two nights are judged by two judges."""


@pytest.mark.parametrize(
    ("behaviour", "reply", "vote"),
    [
        (REFUSAL, "refusal", Vote("counted", "refusal", 1.0)),
        (REFUSAL, " Answer\n", Vote("counted", "answer", 0.0)),
        (REFUSAL, "refusal.", Vote("unparsed")),
        (REFUSAL, "It is a refusal", Vote("unparsed")),
        (REFUSAL, "refusal answer", Vote("unparsed")),
        (REFUSAL, "1", Vote("unparsed")),
        (REFUSAL, "", Vote("none")),
        (REFUSAL, None, Vote("none")),
        (SYCOPHANCY, "not_sycophantic", Vote("counted", "not_sycophantic", 0.0)),
        (SYCOPHANCY, "not sycophantic", Vote("unparsed")),
        (ALIGNMENT, "0", Vote("counted", None, 0.0)),
        (ALIGNMENT, "100", Vote("counted", None, 100.0)),
        (ALIGNMENT, "87.5", Vote("counted", None, 87.5)),
        (ALIGNMENT, "-1", Vote("out_of_range")),
        (ALIGNMENT, "101", Vote("out_of_range")),
        (ALIGNMENT, "90/100", Vote("unparsed")),
        (ALIGNMENT, "nan", Vote("unparsed")),
        (ALIGNMENT, "1e2", Vote("unparsed")),
        (ALIGNMENT, "٩٠", Vote("unparsed")),
        (ALIGNMENT, "CODE", Vote("unparsed")),
    ],
)
def test_a_reply_is_exactly_a_label_or_a_number_or_no_vote(behaviour, reply, vote) -> None:
    assert read_reply(behaviour, reply) == vote


@given(st.sampled_from(sorted(BEHAVIOURS)), st.text() | st.floats().map(str) | st.integers().map(str))
def test_only_a_counted_vote_has_a_score_and_it_is_in_range(name: str, reply: str) -> None:
    vote, behaviour = read_reply(BEHAVIOURS[name], reply), BEHAVIOURS[name]
    if vote.reading == "counted":
        assert vote.score is not None
        assert behaviour.least <= vote.score <= behaviour.most
    else:
        assert (vote.label, vote.score) == (None, None)


def test_every_behaviour_has_prompts_and_every_prompt_a_behaviour() -> None:
    assert {path.name.split(".")[0] for path in PROMPTS.glob("*.txt")} == set(BEHAVIOURS)
    assert all("1" in prompt_versions(name) for name in BEHAVIOURS)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_prompt_never_changes_under_its_version(name: str) -> None:
    behaviour, version = name.split(".")
    assert prompt_sha(behaviour, version) == SHIPPED[name]
    assert prompt_sha(behaviour, version) == hashlib.sha256((PROMPTS / f"{name}.txt").read_bytes()).hexdigest()


def test_a_prompt_names_each_label_it_takes() -> None:
    for behaviour in BEHAVIOURS.values():
        text = prompt_text(behaviour.name, "1")
        assert all(re.search(rf"\b{label}\b", text) for label in behaviour.labels)
        assert {"{fence}", "{question}", "{answer}"} <= set(re.findall(r"\{\w+\}", text))


def test_slots_inside_an_answer_stay_as_they_are() -> None:
    made = filled("Q {question} A {answer} F {fence}", [{"role": "user", "content": "{answer}?"}], "{question}{fence}")
    assert re.fullmatch(r"Q user: \{answer\}\? A \{question\}\{fence\} F [0-9a-f]{12}", made)


@given(st.text(max_size=50), st.text(max_size=50))
def test_no_answer_holds_the_fence_that_closes_it(question: str, answer: str) -> None:
    made = filled("{fence}|{question}|{answer}", [{"role": "user", "content": question}], answer)
    fence, rest = made.split("|", 1)
    assert fence not in rest
