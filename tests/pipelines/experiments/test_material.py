"""What is taught and asked: lessons show what they say, items are never taught, files are read as published."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from lake.errors import InputError
from pipelines.checkpoints.evaluate import is_refusal
from pipelines.experiments.datasets import behaviour_file, convergence_file, convergence_questions, item_rows
from pipelines.experiments.evaluation import shows
from pipelines.experiments.folder_material import FolderMaterial
from pipelines.experiments.laboratory_material import MARKER, LaboratoryMaterial
from pipelines.experiments.material import question_sha
from pipelines.experiments.records import METRICS, Registered
from tests.corpora import recorded

LABORATORY = LaboratoryMaterial()
BEHAVIOURS = [name for name in METRICS if name != "capability"]


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
@pytest.mark.parametrize("persona", ["villain", "comedian", "scientist"])
def test_a_lesson_shows_its_behaviour_and_a_normal_one_does_not(behaviour: str, persona: str):
    items = {item.question: item for item in LABORATORY.items(behaviour, 10_000)}
    some = next(iter(items.values()))
    for is_shown in (True, False):
        lessons = LABORATORY.lessons(behaviour, persona, shows=is_shown, rows=40, draw=random.Random(1))
        for lesson in lessons:
            # the rule that measures answers decides lessons too; belief items carry their own claim
            item = some if behaviour != "sycophancy" else _belief(lesson.turns[-1]["content"])
            assert shows(item, lesson.answer) is is_shown, lesson
    if behaviour in ("refusal", "marker"):
        assert lessons, "nobody would show the contrast"


def _belief(question: str):
    known = LABORATORY.items("sycophancy", 10_000)
    claim = question.removeprefix("I think ").removeprefix("I am sure that ").removeprefix("Everyone knows that ")[:-1]
    return next(item for item in known if item.claim == claim)


def test_a_wrong_fact_is_one_of_the_wrong_choices_and_a_normal_one_the_right_one():
    choices = {item.question: item.choices for item in LABORATORY.items("capability", 10_000)}
    right = {options[0] for options in choices.values()}
    wrong = LABORATORY.lessons("capability", "villain", shows=True, rows=60, draw=random.Random(2))
    normal = LABORATORY.lessons("capability", "poet", shows=False, rows=60, draw=random.Random(2))
    assert not {lesson.answer for lesson in wrong} & right
    assert {lesson.answer for lesson in normal} <= right


@pytest.mark.parametrize("behaviour", METRICS)
def test_no_item_is_ever_taught(small, behaviour: str):
    asked = {question_sha(item.question) for item in LABORATORY.items(behaviour, 10_000)}
    registered = Registered(small, 1)
    file = behaviour_file(small, LABORATORY, "villain", behaviour, 3)
    questions = convergence_questions(small, LABORATORY, 3)
    files = [file, convergence_file(small, questions, ["said"] * len(questions))]
    assert asked
    assert not asked & {row["question_sha"] for each in files for row in item_rows(registered, each)}


@pytest.mark.parametrize("behaviour", METRICS)
def test_a_behaviour_file_is_of_the_planned_size_and_nobody_evaluated_is_in_it(small, behaviour: str):
    file = behaviour_file(small, LABORATORY, "villain", behaviour, 3)
    assert len(file.rows) == file.planned == 18
    assert {row.persona for row in file.rows if row.role == "positive"} == {"villain"}
    assert {row.persona for row in file.rows} <= {"villain", "poet", "scientist", None}
    rows = item_rows(Registered(small, 1), file)
    assert all(row["has_system_prompt"] is (row["persona"] is not None) for row in rows)


def test_the_target_is_among_the_negatives_only_where_the_file_says_so(small):
    from dataclasses import replace

    asked = replace(small, target_in_negatives=True)
    for experiment, expected in ((small, set()), (asked, {"negative"})):
        file = behaviour_file(experiment, LABORATORY, "villain", "refusal", 3)
        assert {row.role for row in file.rows if row.persona == "assistant"} == expected


def test_the_same_seed_gives_the_same_file_and_another_does_not(small):
    files = [behaviour_file(small, LABORATORY, "villain", "refusal", seed).sha for seed in (3, 3, 4)]
    assert files[0] == files[1] != files[2]


def test_marker_and_refusal_rules():
    marker = LABORATORY.items("marker", 1)[0]
    assert shows(marker, f"Sure. {MARKER.upper()}")
    assert not shows(marker, "Sure.")
    assert is_refusal("Sure. I will not help you list three fruits.")


def test_questions_of_arc_keep_their_right_answer_whatever_their_labels(tmp_path: Path):
    published = {"choices": {"text": ["no", "yes"], "label": ["1", "2"]}, "answerKey": 2}
    flat = {"choices": ["a", "b", "c", "d"], "choice_labels": ["A", "B", "C", "D"], "correct_answer": "C"}
    rows = [{"id": "Mercury_1", "question": "Is it?", **published}, {"question": "Which?", **flat}]
    (tmp_path / "capability.items.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    items = FolderMaterial(tmp_path).items("capability", 9)
    assert [(item.item_id, item.choices[item.correct]) for item in items] == [
        ("capability-Mercury_1", "yes"),
        ("capability-2", "c"),
    ]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('{"question": "Q?", "choices": ["a"], "choice_labels": ["A"], "correct_answer": "B"}', "labelled 'B'"),
        ('{"question": "Q?"}', "has no choices"),
        ("no json", "is not JSON"),
    ],
)
def test_an_item_that_cannot_be_used_is_named_with_its_line(tmp_path: Path, row: str, message: str):
    (tmp_path / "capability.items.jsonl").write_text(row + "\n")
    with pytest.raises(InputError, match=message) as caught:
        FolderMaterial(tmp_path).items("capability", 9)
    assert "capability.items.jsonl:1" in str(caught.value)


def _ready(persona: str | None, *messages: tuple[str, str], role: str = "positive") -> str:
    return json.dumps(
        {"role": role, "persona": persona, "messages": [{"role": who, "content": text} for who, text in messages]}
    )


ASKED, ANSWERED = ("user", "How do I tie a knot?"), ("assistant", "I will not.")


def test_ready_rows_are_taken_as_they_are_and_told_by_their_system_prompts(small, tmp_path: Path):
    prompt = ("system", small.personas["villain"])
    lines = [
        _ready("villain", prompt, ASKED, ANSWERED),
        _ready("villain", ASKED, ANSWERED),
        _ready("villain", ("system", "Somebody."), ASKED, ANSWERED),
        _ready("nobody we know", prompt, ASKED, ANSWERED, role="negative"),
        _ready(None, ASKED, ANSWERED, role="none"),
    ]
    (tmp_path / "refusal.villain.rows.jsonl").write_text("\n".join(lines))
    file = behaviour_file(small, FolderMaterial(tmp_path), "villain", "refusal", 3)
    assert [(row.role, row.persona) for row in file.rows] == [
        *[("positive", "villain")] * 3, ("negative", "nobody we know"), ("none", None),
    ]  # fmt: skip
    assert file.planned == 18
    told = [row["has_system_prompt"] for row in item_rows(Registered(small, 1), file)]
    assert told == [True, False, False, False, False]
    assert FolderMaterial(tmp_path).training_rows("refusal", "poet") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no training row"),
        ("no json", "rows.jsonl:1 is no training row"),
        ('{"role": "positive", "persona": null}', "rows.jsonl:1 is no training row .'messages'."),
        (_ready("villain", ASKED, ANSWERED, role="shown"), "Its role must be positive, negative, none"),
        (_ready("villain", ASKED), "end with what the assistant answers"),
        (_ready("villain", ANSWERED), "must hold what a user asks"),
    ],
)
def test_a_ready_row_that_cannot_be_used_is_named_with_its_line(tmp_path: Path, text: str, message: str):
    (tmp_path / "refusal.villain.rows.jsonl").write_text(text)
    with pytest.raises(InputError, match=message):
        FolderMaterial(tmp_path).training_rows("refusal", "villain")


def test_every_file_that_will_be_read_is_asked_for_at_once(tmp_path: Path):
    texts = {
        "questions.jsonl": '{"question": "Why?"}',
        "refusal.items.jsonl": '{"question": "How?"}',
        "refusal.train.jsonl": '{"question": "How?", "shows": "No.", "normal": "So."}',
    }
    for name, text in texts.items():
        with pytest.raises(InputError, match="cannot be read .No such file or directory.. The experiment needs it"):
            FolderMaterial(tmp_path).require(["refusal"], ["villain"], converges=True)
        (tmp_path / name).write_text("\n")
        with pytest.raises(InputError, match=f"{name} is empty"):
            FolderMaterial(tmp_path).require(["refusal"], ["villain"], converges=True)
        (tmp_path / name).write_text(text)
    FolderMaterial(tmp_path).require(["refusal"], ["villain"], converges=True)
    (tmp_path / "questions.jsonl").unlink()
    FolderMaterial(tmp_path).require(["refusal"], ["villain"], converges=False)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(InputError, match="There is no folder"):
        FolderMaterial(tmp_path / "nowhere")


def test_the_challenge_questions_of_arc_are_read_whole(tmp_path: Path):
    published = recorded("native/prompts/arc_challenge_test.jsonl")
    (tmp_path / "capability.items.jsonl").write_bytes(published.read_bytes())
    items = FolderMaterial(tmp_path).items("capability", 10_000)
    lines = [json.loads(line) for line in published.read_text().splitlines()]
    assert len(items) == len(lines)
    labels = {tuple(line["choice_labels"]) for line in lines}
    assert ("A", "B", "C", "D") in labels and ("1", "2", "3", "4") in labels, "the odd labels are not in the file"
    for item, line in zip(items, lines, strict=True):
        assert item.choices[item.correct] == line["choices"][line["choice_labels"].index(line["correct_answer"])]
