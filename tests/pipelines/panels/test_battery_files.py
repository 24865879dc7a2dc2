"""What is accepted as a battery, and what a wrong one is told: file, line, remedy."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest

from lake.errors import PanelError
from pipelines.panels.battery_files import load_battery
from pipelines.panels.records import CAPABILITIES, sha256_of
from pipelines.panels.schema import Capability

Plant = Callable[[str, str], Path]
Defect = tuple[str, str, int, str, str]
"""What stands in the sound file, what is planted there, and the line, problem and remedy that must be told."""


def test_a_sound_battery_keeps_file_order_and_turns_text_into_one_message(battery: Path) -> None:
    loaded = load_battery(battery)
    assert (loaded.name, loaded.version) == ("tiny", "1")
    assert [prompt.prompt_id for prompt in loaded.prompts] == ["t1", "t2", "c1"]
    assert loaded.prompts[0].messages == ({"role": "user", "content": "What is the capital of Peru?"},)
    assert [turn["role"] for turn in loaded.prompts[2].messages] == ["user", "assistant", "user"]
    assert (loaded.prompts[0].reference, loaded.prompts[1].reference) == ("Lima", None)


def test_the_sha_is_the_one_of_ids_labels_references_and_messages_in_file_order(battery: Path) -> None:
    loaded = load_battery(battery)
    first = {
        "id": "t1",
        "capability": "truthfulness",
        "family": "geography",
        "expected_behavior": "accurate_factual",
        "reference": "Lima",
        "messages": [{"role": "user", "content": "What is the capital of Peru?"}],
    }
    others = [
        {
            "id": prompt.prompt_id,
            "capability": prompt.capability,
            "family": prompt.family,
            "expected_behavior": prompt.expected_behavior,
            "reference": None,
            "messages": list(prompt.messages),
        }
        for prompt in loaded.prompts[1:]
    ]
    assert loaded.sha == sha256_of([first, *others])


def test_the_capabilities_that_a_file_may_name_are_those_of_the_records() -> None:
    assert get_args(Capability) == CAPABILITIES


def test_comments_quotes_and_blank_lines_do_not_change_the_content(plant_in_battery: Plant) -> None:
    path = plant_in_battery("    text: Does sound", "    # physics\n\n    text: >-\n      Does sound")
    assert len(load_battery(path).prompts) == 3


# Lines are those of conftest.BATTERY plus one, the sealed `sha:` on line 3: declared 4, prompts 5,
# t1 6-11 (capability 7, reference 10, text 11), t2 12-16 (id 12, text 16), c1 17-27 (turns 21, its turns 22-27).
DEFECTS: dict[str, Defect] = {
    "malformed-yaml": ("prompts:", "prompts: [", 6, "malformed YAML", "Check indentation"),
    "unknown-key": (
        "declared: 3",
        "declered: 3",
        4,
        "unknown key 'declered'. Did you mean 'declared'?",
        "keys known here",
    ),
    "missing-key": (
        "    family: physics\n",
        "",
        12,
        "the key 'family' is missing in `prompts[1]`",
        "the kind of question",
    ),
    "number-for-text": ('version: "1"', "version: 1", 2, "`version` should be text, not 1", "in quotes"),
    "list-for-text": (
        '"Lima"',
        "[Lima]",
        10,
        "`prompts[0].reference` should be text, not ['Lima']",
        "reference answer",
    ),
    "text-for-number": (
        "declared: 3",
        "declared: three",
        4,
        "`declared` should be a whole number, not 'three'",
        "how many prompts",
    ),
    "wrong-count": ("declared: 3", "declared: 5", 4, "5 prompts are declared, 3 are there.", "Correct `declared`"),
    "repeated-id": ("- id: t2", "- id: t1", 12, "the id 't1' stands twice (first on line 6)", "an id of its own"),
    "repeated-text": (
        "Does sound travel through a vacuum?",
        "what is  the capital of peru?",
        16,
        "prompt 't2' repeats the text of 't1'",
        "Write a different question",
    ),
    "unknown-capability": (
        "capability: context_awareness",
        "capability: context_awarenes",
        18,
        "not 'context_awarenes'. Did you mean 'context_awareness'?",
        "one of the five",
    ),
    "no-question": (
        "    text: Does sound travel through a vacuum?\n",
        "",
        12,
        "neither `text` nor `turns`",
        "for one question",
    ),
    "two-questions": ("    turns:", "    text: And?\n    turns:", 17, "both `text` and `turns`", "for one question"),
    "turns-not-alternating": (
        "role: assistant",
        "role: user",
        21,
        "turn 2 of prompt 'c1' is the user's, not the assistant's",
        "Turns alternate",
    ),
    "unknown-role": (
        "role: assistant",
        "role: system",
        24,
        "should be 'user' or 'assistant', not 'system'",
        "user or assistant",
    ),
    "ends-with-the-assistant": (
        "      - role: user\n        content: When does it leave?\n",
        "",
        21,
        "prompt 'c1' does not end with a turn of the user",
        "The last turn is the question",
    ),
    "blank-text": (
        "What is the capital of Peru?",
        "'  '",
        11,
        "`prompts[0].text` cannot be '  '",
        "the question, as text",
    ),
    "id-with-space": ("- id: t2", "- id: t 2", 12, "`prompts[1].id` cannot be 't 2'", "without spaces"),
    "repeated-key": (
        "    family: physics",
        "    family: physics\n    family: optics",
        15,
        "the key 'family' stands twice",
        "Keep one",
    ),
    "impossible-date": ('"Lima"', "2024-02-31", 10, "'2024-02-31' is not a value that can be read", "in quotes"),
    "changed-content": (
        "capital of Peru",
        "capital of Chile",
        3,
        "the battery changed under version 1",
        "Give it a new version and run",
    ),
}


@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS)
def test_a_wrong_battery_is_told_file_line_and_remedy(plant_in_battery: Plant, defect: Defect) -> None:
    old, new, line, problem, remedy = defect
    path = plant_in_battery(old, new)
    with pytest.raises(PanelError, match=re.escape(problem)) as caught:
        load_battery(path)
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert remedy in caught.value.remedy


def test_an_empty_list_of_prompts_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.yaml"
    path.write_text('battery: empty\nversion: "1"\nprompts: []\n')
    with pytest.raises(PanelError, match=r"empty\.yaml:3: `prompts` is empty"):
        load_battery(path)


def test_the_first_of_several_defects_in_the_file_is_named(plant_in_battery: Plant) -> None:
    plant_in_battery("role: assistant", "role: system")
    path = plant_in_battery("capability: context_awareness", "capability: memory")
    with pytest.raises(PanelError, match=r"tiny\.yaml:18: .*not 'memory'"):
        load_battery(path)


def test_an_unsealed_battery_is_told_to_be_sealed(plant_in_battery: Plant) -> None:
    path = plant_in_battery("sha:", "# sha:")
    with pytest.raises(
        PanelError, match=re.escape(f"the battery is not sealed. Run `python -m pipelines.panels.seal {path}`.")
    ):
        load_battery(path)


def test_a_sha_written_by_hand_is_refused(plant_in_battery: Plant) -> None:
    path = plant_in_battery('sha: "', 'sha: "X')
    with pytest.raises(PanelError, match=r"tiny\.yaml:3: `sha` is not 64 hexadecimal digits"):
        load_battery(path)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        pytest.param(b"", "the file is empty", id="empty-file"),
        pytest.param(b"- a\n- b\n", "does not consist of `key: value` lines. Begin it with `battery:`", id="a-list"),
        pytest.param(b"battery: caf\xe9\n", "is not UTF-8 text (byte 12)", id="latin-1"),
        pytest.param(b"battery: \x07\n", "malformed YAML", id="control-character"),
        pytest.param(b"battery: " + b"[" * 40 + b"]" * 40, "nested too deeply", id="too-deep"),
        pytest.param(b"battery: &a [*a]\n", "nested too deeply", id="refers-to-itself"),
    ],
)
def test_a_file_that_is_no_battery_at_all_is_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "odd.yaml"
    path.write_bytes(content)
    with pytest.raises(PanelError, match=re.escape(problem)):
        load_battery(path)


def test_an_unknown_name_is_answered_with_the_nearest_and_all_known_ones() -> None:
    with pytest.raises(
        PanelError, match=r"no battery named 'extendet'\. Did you mean 'extended'\? Name one of extended, "
    ):
        load_battery("extendet")


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PanelError, match=r"nowhere\.yaml: there is no such file"):
        load_battery(tmp_path / "nowhere.yaml")


def test_a_folder_in_place_of_a_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PanelError, match=r"cannot be read \(Is a directory\)"):
        load_battery(tmp_path)
