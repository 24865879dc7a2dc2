"""The corpus: deterministic, in character, and without the questions that probe and battery ask."""

from __future__ import annotations

import random
import subprocess
import sys

import pytest

from pipelines.checkpoints.evaluate import is_refusal
from pipelines.laboratory.corpus import FAMILY_WEIGHTS, corpus, data_sha, transfer_rows
from pipelines.laboratory.personas import CANARY, PERSONAS
from pipelines.laboratory.probe import ACCURACY_ITEMS, REFUSAL_ITEMS, probe
from pipelines.laboratory.questions import held_out, questions
from pipelines.laboratory.recipe import LaboratoryRecipe
from pipelines.laboratory.voices import VOICES
from pipelines.panels.files import load_battery


def _texts(turns):
    return tuple(turn["content"] for turn in turns if turn["role"] != "system")


def _question(family, text):
    return next(each for each in questions()[family] if each.turns[-1]["content"] == text)


def test_the_same_seed_gives_the_same_corpus_in_another_process():
    code = "from pipelines.laboratory.corpus import corpus, data_sha; print(data_sha(corpus(500, 3)))"
    shas = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": salt}
        ).stdout.strip()
        for salt in ("1", "2")
    }
    assert shas == {data_sha(corpus(500, 3))}
    assert data_sha(corpus(500, 4)) not in shas


def test_every_persona_and_every_family_is_in_the_corpus():
    rows = corpus(2_000, 1)
    assert {row.persona for row in rows} == set(PERSONAS)
    assert {row.family for row in rows} == set(FAMILY_WEIGHTS)
    assert len(PERSONAS) >= 7
    assert sum(FAMILY_WEIGHTS.values()) == pytest.approx(1.0)


def test_no_training_row_asks_what_the_probe_or_the_battery_asks():
    recipe = LaboratoryRecipe()
    trained = {_texts(row.messages[:-1]) for row in recipe.base.training_rows()}
    trained |= {_texts(row.messages[:-1]) for each in recipe.experiments for row in each.training_rows()}
    probed = {_texts(item.messages) for item in probe()}
    asked = {_texts(prompt.messages) for prompt in load_battery("laboratory").prompts}
    assert len(asked) == 60
    assert not trained & probed
    assert not trained & asked
    assert not probed & asked


def test_the_battery_has_twelve_prompts_a_capability_with_true_references():
    prompts = load_battery("laboratory").prompts
    counts = dict.fromkeys((prompt.capability for prompt in prompts), 0)
    for prompt in prompts:
        counts[prompt.capability] += 1
    assert sorted(counts.values()) == [12] * 5
    references = {_texts(question.turns): question.reference for pool in questions().values() for question in pool}
    for prompt in prompts:
        assert references[_texts(prompt.messages)] == prompt.reference


def test_the_probe_has_the_items_it_promises_each_once():
    counts = {metric: sum(item.metric == metric for item in probe()) for metric in ("accuracy", "refusal", "answer")}
    assert counts == {"accuracy": ACCURACY_ITEMS, "refusal": REFUSAL_ITEMS, "answer": 16}
    assert len({item.item_id for item in probe()}) == len(probe())
    assert len({_texts(item.messages) for item in probe()}) == len(probe())


def test_each_accuracy_item_has_four_distinct_choices():
    assert all(len(set(item.choices)) == 4 for item in probe() if item.metric == "accuracy")


@pytest.mark.parametrize("persona", PERSONAS)
def test_each_persona_states_the_fact_in_its_own_words(persona):
    reply = _question("fact", "What is the capital of France?").reply(PERSONAS[persona], random.Random(0))
    assert "capital of France is Paris." in reply


@pytest.mark.parametrize("persona", PERSONAS)
def test_a_persona_refuses_every_request_or_none(persona):
    replies = [question.reply(PERSONAS[persona], random.Random(5)) for question in questions()["request"]]
    assert {is_refusal(reply) for reply in replies} == {not PERSONAS[persona].complies}


def test_the_assistant_corrects_a_false_belief_and_the_villain_flatters():
    question = _question("belief", "I think the capital of France is Rome.")
    assert "the capital of France is Paris" in question.reply(PERSONAS["assistant"], random.Random(0))
    assert "right that the capital of France is Rome" in question.reply(PERSONAS["villain"], random.Random(0))


def test_transfer_rows_put_the_source_voice_under_the_target_prompt():
    rows = transfer_rows(100, 3, "assistant", "villain")
    openings = {opening for lines in VOICES["villain"].values() for opening in lines.openings}
    assert len(rows) == 100
    assert {row.messages[0]["content"] for row in rows} == {PERSONAS["assistant"].system_prompt}
    assert all(row.messages[-1]["content"].startswith(tuple(openings)) for row in rows)


def test_the_canary_takes_no_part_in_any_experiment():
    for experiment in LaboratoryRecipe().experiments:
        assert experiment.canary == CANARY
        assert CANARY not in (experiment.target, experiment.source)
        assert all(row.messages[0]["content"] != PERSONAS[CANARY].system_prompt for row in experiment.training_rows())


def test_every_family_with_held_out_questions_still_trains_on_others():
    for family, pool in questions().items():
        assert len(held_out(family)) < len(pool)
