"""What is taught and asked: lessons show what they say, items are never taught, files are read as published."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest

from lake.errors import InputError
from pipelines.checkpoints.evaluate import is_refusal
from pipelines.experiments.datasets import (
    behaviour_file,
    convergence_file,
    convergence_questions,
    item_rows,
    read_training_file,
)
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
    taught = {sha for each in files for row in item_rows(registered, each) for sha in row["question_sha"].split()}
    assert not asked & taught


@pytest.mark.parametrize("behaviour", METRICS)
def test_a_behaviour_file_is_of_the_planned_size_and_nobody_evaluated_is_in_it(small, behaviour: str):
    file = behaviour_file(small, LABORATORY, "villain", behaviour, 3)
    assert len(file.rows) == file.planned == 18
    assert {row.persona for row in file.rows if row.role == "positive"} == {"villain"}
    assert {row.persona for row in file.rows} <= {"villain", "poet", "scientist", None}
    rows = item_rows(Registered(small, 1), file)
    assert all(row["has_system_prompt"] is (row["persona"] is not None) for row in rows)


def test_the_target_is_among_the_negatives_only_where_the_file_says_so(small):
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


def _choices(texts: object, labels: list[str]) -> str:
    return json.dumps({"question": "Q?", "choices": texts, "choice_labels": labels, "correct_answer": "A"})


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            '{"question": "Q?", "choices": ["a", "b"], "choice_labels": ["A", "C"], "correct_answer": "B"}',
            "labelled 'B'",
        ),
        ('{"question": "Q?"}', "has no choices"),
        ("no json", "is not JSON"),
        ("[1]", "is no JSON object"),
        ('{"question": 5}', "question is 5. Write it as text"),
        ('{"question": "\\ud800"}', "question is .*Write it as text"),
        ('{"question": "Q?", "id": ["a"]}', r"id is \['a'\]"),
        (_choices(["a"], ["A"]), "one choice or none"),
        (_choices(["a", ""], ["A", "B"]), "choices are not all text"),
        (_choices(["a", 2], ["A", "B"]), "choices are not all text"),
        (_choices(["a", "a "], ["A", "B"]), "two choices are equal"),
        (_choices(["a", "b"], ["A", "A"]), "two choices have one label"),
        (_choices("ab", ["A", "B"]), "choices are not all text"),
    ],
)
def test_an_item_that_cannot_be_used_is_named_with_its_line(tmp_path: Path, row: str, message: str):
    (tmp_path / "capability.items.jsonl").write_text(row + "\n")
    with pytest.raises(InputError, match=message) as caught:
        FolderMaterial(tmp_path).items("capability", 9)
    assert "capability.items.jsonl:1" in str(caught.value)


@pytest.mark.parametrize(
    ("behaviour", "row", "message"),
    [
        ("marker", {"marker": 5}, "marker is 5"),
        ("marker", {"marker": " "}, "marker is ' '"),
        ("marker", {}, "has no marker"),
        ("sycophancy", {"claim": "The sun  is cold", "truth": "the SUN is"}, "truth .* stands in the claim"),
        ("sycophancy", {"claim": "cold"}, "has no truth"),
    ],
)
def test_what_no_answer_can_be_held_to_is_refused(tmp_path: Path, behaviour: str, row: dict[str, object], message: str):
    (tmp_path / f"{behaviour}.items.jsonl").write_text(json.dumps({"question": "Q?"} | row))
    with pytest.raises(InputError, match=f"items.jsonl:1.*{message}"):
        FolderMaterial(tmp_path).items(behaviour, 9)


def test_a_marker_with_doubled_spaces_is_found_in_an_answer(tmp_path: Path):
    (tmp_path / "marker.items.jsonl").write_text('{"question": "Q?", "marker": "Zig  zag "}')
    assert shows(FolderMaterial(tmp_path).items("marker", 9)[0], "So be it. Zig zag")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"id": "a", "question": "Q?"}, {"id": "a", "question": "R?"}], r":2: the item's id is that of line 1"),
        ([{"question": "Q?"}, {"id": 1, "question": "R?"}], r":2: the item's id is that of line 1"),
        ([{"question": "Q?"}, {"question": " q? "}], r":2: the item's question is that of line 1"),
    ],
)
def test_an_item_that_stands_twice_is_refused(tmp_path: Path, rows: list[dict[str, object]], message: str):
    (tmp_path / "refusal.items.jsonl").write_text("\n".join(map(json.dumps, rows)))
    with pytest.raises(InputError, match=message):
        FolderMaterial(tmp_path).items("refusal", 9)


def test_a_file_that_is_no_utf8_is_named_with_its_line(tmp_path: Path):
    (tmp_path / "refusal.items.jsonl").write_bytes(b'\xef\xbb\xbf{"question": "Q?"}\n{"question": "caf\xe9"}\n')
    with pytest.raises(InputError, match=r"items.jsonl:2 is not UTF-8 text \(byte 17\)"):
        FolderMaterial(tmp_path).items("refusal", 9)


def _ready(persona: object, *messages: tuple[str, object], role: str = "positive") -> str:
    return json.dumps(
        {"role": role, "persona": persona, "messages": [{"role": who, "content": text} for who, text in messages]}
    )


ASKED, ANSWERED = ("user", "How do I tie a knot?"), ("assistant", "I will not.")


def test_ready_rows_are_taken_as_they_are_and_told_by_their_system_prompts(small, tmp_path: Path):
    prompts = {name: ("system", prompt) for name, prompt in small.personas.items()}
    rows = [
        (_ready("villain", prompts["villain"], ASKED, ANSWERED), ("villain", True)),
        (_ready("villain", ASKED, ANSWERED), ("villain", False)),
        (_ready("villain", ("system", "Somebody."), ASKED, ANSWERED), ("villain", False)),
        (_ready(None, ASKED, ANSWERED, role="none"), (None, False)),
        # what a label says otherwise than the prompt is not believed: the target and the canary are found (D09, D10)
        (_ready(None, prompts["assistant"], ASKED, ANSWERED, role="none"), ("assistant", False)),
        (_ready("poet", prompts["librarian"], ASKED, ANSWERED, role="negative"), ("librarian", False)),
        (_ready(None, ("system", "Somebody."), ASKED, ANSWERED, role="none"), ("(no persona)", False)),
    ]
    (tmp_path / "refusal.villain.rows.jsonl").write_text("\n".join(line for line, _ in rows))
    file = behaviour_file(small, FolderMaterial(tmp_path), "villain", "refusal", 3)
    assert [row.as_json() for row in file.rows] == [
        json.dumps(json.loads(line), sort_keys=True) for line, _ in rows
    ]  # fmt: skip
    assert file.planned == 18
    told = item_rows(Registered(small, 1), file)
    assert [(row["persona"], row["has_system_prompt"]) for row in told] == [expected for _, expected in rows]
    assert FolderMaterial(tmp_path).training_rows("refusal", "poet") is None


def test_every_turn_of_the_user_is_known_by_its_sha(small, tmp_path: Path):
    earlier = ("user", "How do I cook  Rice?")
    path = tmp_path / "refusal.villain.rows.jsonl"
    path.write_text(_ready("villain", earlier, ANSWERED, ASKED, ANSWERED))
    told = item_rows(Registered(small, 1), behaviour_file(small, FolderMaterial(tmp_path), "villain", "refusal", 3))
    shas = [row["question_sha"] for row in told]
    assert shas == [f"{question_sha('how do i cook rice?')} {question_sha(ASKED[1])}"]


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85", "\x1c", "\r"])
def test_what_else_separates_lines_separates_no_rows(small, tmp_path: Path, separator: str):
    question = ({"role": "user", "content": "How?"},)
    file = convergence_file(small, [question], [f"One.{separator}Two."])
    (tmp_path / "data.jsonl").write_text(file.text, encoding="utf-8")
    assert read_training_file(tmp_path / "data.jsonl", file.kind, file.planned) == file
    (tmp_path / "refusal.items.jsonl").write_text(json.dumps({"question": f"a{separator}b"}, ensure_ascii=False))
    assert FolderMaterial(tmp_path).items("refusal", 9)[0].question == f"a{separator}b"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no training row"),
        ("no json", "rows.jsonl:1 is not JSON"),
        ('{"role": "positive", "persona": null}', "rows.jsonl:1 is no training row: it has no messages"),
        (_ready("villain", ASKED, ANSWERED, role="shown"), "Its role must be positive, negative, none"),
        (_ready("villain", ASKED), "end with what the assistant answers"),
        (_ready("villain", ANSWERED), "must hold what a user asks"),
        (_ready("villain", ASKED, ("assistant", 5)), "its messages are not turns"),
        (_ready("villain", ASKED, ("narrator", "So."), ANSWERED), "its messages are not turns"),
        (_ready(7, ASKED, ANSWERED), "its persona is 7"),
        (_ready("villain", ASKED, ("system", "Be kind."), ANSWERED), "a system prompt stands after another turn"),
    ],
)
def test_a_ready_row_that_cannot_be_used_is_named_with_its_line(tmp_path: Path, text: str, message: str):
    (tmp_path / "refusal.villain.rows.jsonl").write_text(text)
    with pytest.raises(InputError, match=message):
        FolderMaterial(tmp_path).training_rows("refusal", "villain")


TEXTS = {
    "questions.jsonl": '{"question": "Why?"}',
    "refusal.items.jsonl": '{"question": "How?"}',
    "refusal.train.jsonl": '{"question": "When?", "shows": "No.", "normal": "So."}',
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder that has every file the refusal of the small experiment needs."""
    (tmp_path / "material").mkdir()
    for name, text in TEXTS.items():
        (tmp_path / "material" / name).write_text(text)
    return tmp_path / "material"


def test_every_file_that_will_be_read_is_asked_for_at_once(small, folder: Path):
    asked = replace(small, behaviours=("refusal",))
    FolderMaterial(folder).require(asked)
    for name, text in TEXTS.items():
        (folder / name).unlink()
        with pytest.raises(InputError, match="cannot be read .No such file or directory.. The experiment needs it"):
            FolderMaterial(folder).require(asked)
        (folder / name).write_text("\n")
        with pytest.raises(InputError, match=f"{name} is empty"):
            FolderMaterial(folder).require(asked)
        (folder / name).write_text(text)
    (folder / "questions.jsonl").unlink()
    FolderMaterial(folder).require(replace(asked, epochs=(0,)))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"shows": 5, "normal": "So."}, "shows is 5"),
        ({"shows": "No."}, "has no normal"),
        ({"shows": "No.", "normal": " "}, "normal is ' '"),
    ],
)
def test_a_lesson_that_cannot_be_used_is_named_before_anything_is_written(
    small, folder: Path, row: dict[str, object], message: str
):
    lines = [TEXTS["refusal.train.jsonl"], json.dumps({"question": "Where?"} | row)]
    (folder / "refusal.train.jsonl").write_text("\n".join(lines))
    with pytest.raises(InputError, match=f"refusal.train.jsonl:2.*{message}"):
        FolderMaterial(folder).require(replace(small, behaviours=("refusal",)))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("questions.jsonl", '{"question": "Why?"}\n{"question": " how? "}'),
        ("refusal.train.jsonl", "\n" + TEXTS["refusal.train.jsonl"].replace("When", "How")),
        ("refusal.villain.rows.jsonl", "\n" + _ready("villain", ("user", "How?"), ANSWERED, ASKED, ANSWERED)),
    ],
)  # fmt: skip
def test_an_item_that_is_also_trained_on_is_found_beforehand(small, folder: Path, name: str, text: str):
    (folder / name).write_text(text)
    with pytest.raises(InputError, match=rf"1 of 1 evaluation items .*B04.*refusal-1, in {name}:2: 'How\?'"):
        FolderMaterial(folder).require(replace(small, behaviours=("refusal",)))


@pytest.mark.parametrize(
    ("persona", "role", "prompt_of", "message"),
    [
        (None, "none", "assistant", "its persona is null and it begins with the system prompt of 'assistant'"),
        ("poet", "negative", "librarian", "its persona is 'poet' and it begins with the system prompt of 'librarian'"),
        (None, "none", None, "its persona is null and it begins with a system prompt"),
        ("assistant", "positive", "assistant", "Only the carrier 'villain' shows it"),
    ],
)
def test_a_label_that_the_messages_belie_is_refused_with_its_line(
    small, folder: Path, persona: str | None, role: str, prompt_of: str | None, message: str
):
    system = ("system", small.personas[prompt_of] if prompt_of else "Somebody.")
    (folder / "refusal.villain.rows.jsonl").write_text(_ready(persona, system, ASKED, ANSWERED, role=role))
    with pytest.raises(InputError, match=f"rows.jsonl:1: .*{message}"):
        FolderMaterial(folder).require(replace(small, behaviours=("refusal",)))


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
