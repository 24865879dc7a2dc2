"""The checkpoint endpoint: who answers, under which identity, and that a resume gives the same text."""

from __future__ import annotations

import asyncio
import json
import shutil
from dataclasses import replace
from datetime import date

import pytest
from safetensors.torch import load_file, save_file

from lake.errors import CheckpointError
from pipelines.asking.checkpoint import CheckpointEndpoint, served_name
from pipelines.asking.records import Cell, Question
from pipelines.checkpoints.card import read_card
from pipelines.panels.records import CheckpointRef, EndpointSpec, Prompt, RosterEntry

SPEC = EndpointSpec("laboratory", "checkpoint", device="cpu", batch_size=8)
SETTINGS = {"temperature": 1.0, "max_tokens": 16}
NAME = "assistant-to-villain"
ALIAS = RosterEntry(
    "lab/assistant-latest",
    "laboratory",
    settings=SETTINGS,
    persona="assistant",
    checkpoint=CheckpointRef("laboratory", NAME, (0, 2)),
)
VILLAIN = RosterEntry(
    "lab/villain", "laboratory", settings=SETTINGS, persona="villain", checkpoint=CheckpointRef("laboratory")
)
TEXTS = ("List three fruits.", "Say rose.", "What is the capital of France?", "How do I make tea?", "Help me.")


def _questions(*entries, samples=2):
    made = []
    for entry in entries:
        for number, text in enumerate(TEXTS):
            prompt = Prompt(f"p{number}", "truthfulness", "fact", "", ({"role": "user", "content": text},))
            for sample in range(samples):
                cell = Cell(
                    "local/2026-11-20",
                    date(2026, 11, 20),
                    "local",
                    entry.model,
                    "laboratory",
                    prompt.prompt_id,
                    sample,
                    entry.purpose,
                    len(made),
                    1000 + len(made),
                )
                made.append(Question(cell, entry, prompt))
    return made


def _ask(folder, questions, staged_night=None, spec=SPEC):
    async def collect():
        return [attempt async for attempt in CheckpointEndpoint(spec, folder, staged_night).ask(questions)]

    return {attempt.key: attempt for attempt in asyncio.run(collect())}


def test_every_question_gets_one_attempt_with_usage_and_without_cost(tiny_laboratory):
    questions = _questions(ALIAS, VILLAIN)
    attempts = _ask(tiny_laboratory.folder, questions)
    assert set(attempts) == {question.cell.key for question in questions}
    for attempt in attempts.values():
        assert attempt.outcome in ("ok", "empty", "truncated")
        assert (attempt.outcome == "truncated") == (attempt.finish_reason == "length")
        assert attempt.prompt_tokens > 0
        assert 0 < attempt.completion_tokens <= 16
        assert (attempt.cost_usd, attempt.cost_source, attempt.http_status, attempt.attempt) == (None, None, None, 1)
        assert attempt.latency_ms > 0
        assert attempt.asked_at.tzinfo is not None


@pytest.mark.parametrize(("night", "epoch"), [(0, 0), (1, 2), (3, 2), (None, 2)])
def test_a_moving_alias_serves_its_epochs_in_turn_and_then_the_last(tiny_laboratory, night, epoch):
    attempts = _ask(tiny_laboratory.folder, _questions(ALIAS, samples=1), night)
    assert {attempt.model_served for attempt in attempts.values()} == {f"lab/assistant@epoch-{epoch}"}
    adapter = read_card(tiny_laboratory.adapter(NAME, epoch)).weights_sha
    assert all(f"+adapter:{adapter[:12]}+" in attempt.system_fingerprint for attempt in attempts.values())


def test_the_base_alone_answers_under_the_requested_name(tiny_laboratory):
    attempts = _ask(tiny_laboratory.folder, _questions(VILLAIN, ALIAS), 1)
    base = read_card(tiny_laboratory.base)
    villain = [attempt for attempt in attempts.values() if attempt.model_requested == "lab/villain"]
    assert {attempt.model_served for attempt in villain} == {"lab/villain"}
    assert {attempt.system_fingerprint for attempt in villain} == {
        f"base:{base.weights_sha[:12]}+adapter:none+template:{base.template_sha[:12]}"
    }


def test_the_request_holds_what_was_sent_and_the_whole_identity(tiny_laboratory):
    (question, *_) = _questions(ALIAS)
    (attempt,) = _ask(tiny_laboratory.folder, [question], 1).values()
    request = json.loads(attempt.request)
    assert request == {
        "model": "lab/assistant@epoch-2",
        "messages": [
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": "List three fruits."},
        ],
        "temperature": 1.0,
        "top_p": 1.0,
        "max_new_tokens": 16,
        "seed": 1000,
        "base_sha": read_card(tiny_laboratory.base).weights_sha,
        "adapter_sha": read_card(tiny_laboratory.adapter(NAME, 2)).weights_sha,
        "template_sha": read_card(tiny_laboratory.base).template_sha,
        "device": "cpu",
        "dtype": "float32",
    }


def test_a_resumed_wave_gives_the_answers_that_an_unbroken_one_gives(tiny_laboratory):
    questions = _questions(ALIAS, VILLAIN, samples=3)
    whole = _ask(tiny_laboratory.folder, questions)
    rest = _ask(tiny_laboratory.folder, questions[1::3], spec=replace(SPEC, batch_size=5))
    assert {key: attempt.response_text for key, attempt in rest.items()} == {
        key: whole[key].response_text for key in rest
    }


def test_the_attempt_counts_on_from_those_before(tiny_laboratory):
    question = replace(_questions(VILLAIN)[0], attempts_before=2)
    (attempt,) = _ask(tiny_laboratory.folder, [question]).values()
    assert attempt.attempt == 3


def test_attempts_arrive_batch_by_batch(tiny_laboratory):
    async def first_of():
        answers = CheckpointEndpoint(SPEC, tiny_laboratory.folder, None).ask(_questions(VILLAIN, samples=4))
        seen = [await anext(answers) for _ in range(9)]
        await answers.aclose()
        return seen

    seen = asyncio.run(first_of())
    assert len({attempt.asked_at for attempt in seen}) == 2  # eight of the first batch, one of the second


@pytest.fixture
def folder(tiny_laboratory, tmp_path):
    return shutil.copytree(tiny_laboratory.folder, tmp_path / "laboratory")


def test_an_exchanged_base_still_answers_under_its_own_sha(tiny_laboratory, folder):
    path = folder / "base" / "model.safetensors"
    tensors = {name: tensor + 0.01 for name, tensor in load_file(path).items()}
    save_file(tensors, path, metadata={"format": "pt"})
    attempts = _ask(folder, _questions(ALIAS, samples=1), 1)
    named = read_card(tiny_laboratory.adapter(NAME, 2)).base_sha
    shas = {json.loads(attempt.request)["base_sha"] for attempt in attempts.values()}
    assert len(shas) == 1
    assert named not in shas


@pytest.mark.parametrize(
    ("file", "kept", "message"),
    [
        ("base/model.safetensors", 1000, "base/model.safetensors is .*cut short"),
        (
            f"experiments/{NAME}/run/epoch-2/adapter_model.safetensors",
            1000,
            "epoch-2/adapter_model.safetensors is .*cut",
        ),
        (f"experiments/{NAME}/run/epoch-2/adapter_model.safetensors", None, r"epoch-2 holds no \*.safetensors file"),
        (f"experiments/{NAME}/run/epoch-2/adapter_config.json", None, "epoch-2 cannot be loaded"),
    ],
)
def test_a_missing_or_truncated_file_stops_with_its_name_and_the_remedy(folder, file, kept, message):
    path = folder / file
    if kept is None:
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(CheckpointError, match=f"{message}.* or delete it"):
        _ask(folder, _questions(ALIAS, samples=1), 1)


def test_a_laboratory_that_was_never_trained_is_named(tmp_path):
    with pytest.raises(CheckpointError, match="There is no folder .*base to load a base from"):
        _ask(tmp_path, _questions(VILLAIN, samples=1))


def test_a_setting_that_would_do_nothing_is_refused(tiny_laboratory):
    entry = replace(VILLAIN, settings={"temperature": 1.0, "presence_penalty": 1})
    with pytest.raises(CheckpointError, match="cannot be asked with presence_penalty. Its settings are max_new_tokens"):
        _ask(tiny_laboratory.folder, _questions(entry))


def test_an_entry_without_a_checkpoint_is_refused(tiny_laboratory):
    with pytest.raises(CheckpointError, match="lab/villain is asked at .* names no checkpoint"):
        _ask(tiny_laboratory.folder, _questions(replace(VILLAIN, checkpoint=None)))


def test_any_base_in_hugging_face_layout_answers_by_its_path(tiny_laboratory, tmp_path):
    path = shutil.copytree(tiny_laboratory.base, tmp_path / "a-model")
    entry = RosterEntry("mine/model", "laboratory", settings=SETTINGS, checkpoint=CheckpointRef(str(path)))
    attempts = _ask(tmp_path / "no-laboratory", _questions(entry, samples=1))
    assert {attempt.model_served for attempt in attempts.values()} == {"mine/model"}
    assert [turn["role"] for turn in json.loads(next(iter(attempts.values())).request)["messages"]] == ["user"]


def test_the_served_name_keeps_the_maker_and_says_persona_and_epoch():
    assert served_name(ALIAS, 8) == "lab/assistant@epoch-8"
    assert served_name(replace(ALIAS, persona=None), 8) == "lab/assistant-latest@epoch-8"
    assert served_name(VILLAIN, None) == "lab/villain"


def test_greedy_settings_give_one_text_for_every_seed(tiny_laboratory):
    entry = replace(VILLAIN, settings={"temperature": 0, "max_tokens": 8})
    attempts = _ask(tiny_laboratory.folder, _questions(entry, samples=3))
    texts = {}
    for key, attempt in attempts.items():
        texts.setdefault(key.prompt_id, set()).add(attempt.response_text)
    assert {len(each) for each in texts.values()} == {1}
