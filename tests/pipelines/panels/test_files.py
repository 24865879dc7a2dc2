"""What is accepted as a panel, how its entries are resolved, and what a wrong one is told."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from lake.errors import PanelError
from pipelines.laboratory.personas import PERSONAS
from pipelines.panels.files import load_panel, roster_line
from pipelines.panels.records import CheckpointRef, sha256_of

Plant = Callable[[str, str], Path]
Defect = tuple[str, str, int, str, str]
"""What stands in the sound file, what is planted there, and the line, problem and remedy that must be told."""


def test_entries_are_resolved_against_the_defaults(panel: Path) -> None:
    one, two, villain = load_panel(panel).roster
    assert (one.endpoint, one.settings, one.system_prompt) == (
        "server",
        {"temperature": 0.7, "max_tokens": 64},
        "Be brief.",
    )
    assert (two.settings, two.system_prompt) == ({"temperature": 0.0, "max_tokens": 64}, "Be long.")
    assert (villain.endpoint, villain.system_prompt) == ("bench", PERSONAS["villain"].system_prompt)
    assert villain.checkpoint == CheckpointRef("laboratory", "run", (0, 2))
    assert (one.provider, one.open_weights, two.provider, two.open_weights) == ("Org", True, None, None)


def test_a_model_may_answer_under_its_own_name_or_a_dated_form_unless_names_are_given(plant_in_panel: Plant) -> None:
    loaded = load_panel(plant_in_panel("  - model: org/two", "  - model: org/two\n    served_names: ['org/2*']"))
    assert loaded.entry("org/one").served_names == ("org/one", "org/one-20*")
    assert loaded.entry("org/two").served_names == ("org/2*",)


def test_a_checkpoint_of_an_experiment_is_named_by_its_id_alone(plant_in_panel: Plant) -> None:
    old = "persona: villain\n    checkpoint: {base: laboratory, experiment: run, staged_epochs: [0, 2]}"
    new = "persona: assistant\n    checkpoint: {id: small@1/villain/s3/refusal@epoch-1}"
    path = plant_in_panel(old, new)
    loaded = load_panel(path)
    entry = loaded.entry("lab/villain")
    assert entry.checkpoint == CheckpointRef(id="small@1/villain/s3/refusal@epoch-1")
    assert entry.served_names == ("small@1/villain/s3/refusal@epoch-1",)
    assert loaded.declared["roster"]["lab/villain"]["checkpoint"] == {"id": "small@1/villain/s3/refusal@epoch-1"}
    assert roster_line(loaded, "lab/villain") == f"{path}:26"
    path.write_text(path.read_text().replace("refusal@epoch-1", "refusal@epoch-2"))
    assert load_panel(path).sha != loaded.sha


def test_a_panel_without_such_ids_declares_its_checkpoints_as_ever(panel: Path) -> None:
    declared = load_panel(panel).declared["roster"]["lab/villain"]["checkpoint"]
    assert declared == {"base": "laboratory", "experiment": "run", "staged_epochs": (0, 2)}


def test_all_prompts_are_asked_unless_a_number_a_capability_is_given(panel: Path, plant_in_panel: Plant) -> None:
    assert [prompt.prompt_id for prompt in load_panel(panel).prompts] == ["t1", "t2", "c1"]
    content = (panel.parent / "tiny.yaml").read_text()
    assert content.count("capability: truthfulness") == 2
    with pytest.raises(PanelError, match=r"small\.yaml:3: battery 'tiny' has 0 prompts for safety_boundaries, 1 are"):
        load_panel(plant_in_panel("samples: 2", "prompts_per_capability: 1\nsamples: 2"))


def test_the_sha_is_that_of_what_is_declared(panel: Path) -> None:
    loaded = load_panel(panel)
    assert loaded.sha == sha256_of(loaded.declared)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("samples: 2", "samples: 3"),
        ("seed: 7", "seed: 8"),
        ("temperature: 0.7", "temperature: 0.8"),
        ("Be brief.", "Be brief!"),
        ("model: org/one", "model: org/three"),
        (":8000/v1", ":8001/v1"),
        ("persona: villain", "persona: pirate"),
        ("staged_epochs: [0, 2]", "staged_epochs: [0, 4]"),
        ("  - model: org/two", "  - model: org/two\n    role: canary"),
    ],
)
def test_what_decides_the_questions_changes_the_sha(plant_in_panel: Plant, panel: Path, old: str, new: str) -> None:
    before = load_panel(panel).sha
    assert load_panel(plant_in_panel(old, new)).sha != before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("budget_usd: 1.5", "budget_usd: 3"),
        ("samples: 2", "samples: 2\nstaged_nights: 4"),
        ("provider: Org", "provider: Organisation"),
        ("kind: checkpoint", "kind: checkpoint\n    batch_size: 8"),
        ("    base_url", "    max_in_flight: 2\n    base_url"),
    ],
)
def test_what_does_not_decide_the_questions_leaves_the_sha(
    plant_in_panel: Plant, panel: Path, old: str, new: str
) -> None:
    before = load_panel(panel).sha
    assert load_panel(plant_in_panel(old, new)).sha == before


# Lines of conftest.PANEL: battery 2, samples 3, seed 4, budget 5, defaults 6-9, endpoints 10 (server 11-13,
# bench 14-15), roster 16 (org/one 17-19, org/two 20-22, lab/villain 23-26).
DEFECTS: dict[str, Defect] = {
    "malformed-yaml": ("samples: 2", "samples: [2", 4, "malformed YAML", "Check indentation"),
    "unknown-key": ("samples: 2", "sample: 2", 3, "unknown key 'sample'. Did you mean 'samples'?", "keys known here"),
    "missing-key": ("samples: 2\n", "", 1, "the key 'samples' is missing", "answers to each prompt, 1 or more"),
    "no-samples": ("samples: 2", "samples: 0", 3, "`samples` should be greater than or equal to 1, not 0", "1 or more"),
    "samples-as-text": ("samples: 2", "samples: two", 3, "`samples` should be a whole number, not 'two'", "1 or more"),
    "no-budget": ("budget_usd: 1.5", "budget_usd: 0", 5, "`budget_usd` should be greater than 0, not 0", "above 0"),
    "name-with-slash": ("panel: small", "panel: a/b", 1, "`panel` cannot be 'a/b'", "the panel's name"),
    "unknown-battery": (
        "battery: tiny.yaml",
        "battery: extendet",
        2,
        "no battery named 'extendet'. Did you mean 'extended'?",
        "Name one of",
    ),
    "absent-battery": ("battery: tiny.yaml", "battery: other.yaml", 2, "there is no battery file", "Correct the path"),
    "no-base-url": ("    base_url: http://127.0.0.1:8000/v1\n", "", 11, "needs `base_url`", "Add `base_url:"),
    "not-an-address": (
        "http://127.0.0.1:8000/v1",
        "127.0.0.1:8000",
        13,
        "`base_url` is not a plain http or https address",
        "Write it like",
    ),
    "key-in-address": (
        "http://127",
        "https://me:hunter2@127",
        13,
        "`base_url` is not a plain http or https address",
        "a key goes into",
    ),
    "key-in-process": (
        "kind: checkpoint",
        "kind: checkpoint\n    key_env: A_KEY",
        14,
        "answers in process",
        "Remove base_url and key_env",
    ),
    "unknown-kind": (
        "kind: checkpoint",
        "kind: checkpoints",
        15,
        "not 'checkpoints'. Did you mean 'checkpoint'?",
        "openai_compatible or checkpoint",
    ),
    "unknown-default-endpoint": (
        "endpoint: server",
        "endpoint: sever",
        7,
        "unknown endpoint 'sever'. Did you mean 'server'?",
        "declares server, bench",
    ),
    "unknown-endpoint": (
        "endpoint: bench",
        "endpoint: branch",
        24,
        "'lab/villain' names an unknown endpoint 'branch'. Did you mean 'bench'?",
        "declares server, bench",
    ),
    "no-endpoint": ("  endpoint: server\n", "", 16, "'org/one' names no endpoint", "under `defaults`"),
    "repeated-model": (
        "- model: org/two",
        "- model: org/one",
        20,
        "'org/one' stands twice (first on line 17)",
        "Keep one",
    ),
    "norway": (
        "- model: org/two",
        "- model: org/two\n    region: NO",
        21,
        "`roster[1].region` should be text, not False",
        "in quotes",
    ),
    "not-a-boolean": (
        "open_weights: true",
        "open_weights: maybe",
        19,
        "should be true or false, not 'maybe'",
        "true or false",
    ),
    "settings-as-text": (
        "settings: {temperature: 0.0}",
        "settings: warm",
        21,
        "should be made of `key: value`, not 'warm'",
        "request settings",
    ),
    "unknown-persona": (
        "    persona: villain",
        "    persona: villian",
        25,
        "unknown persona 'villian'. Did you mean 'villain'?",
        "The laboratory has",
    ),
    "two-system-prompts": (
        "    persona: villain",
        "    persona: villain\n    system_prompt: Hi.",
        26,
        "both `persona` and `system_prompt`",
        "Keep one",
    ),
    "no-checkpoint": (
        "    checkpoint: {base: laboratory, experiment: run, staged_epochs: [0, 2]}\n",
        "",
        23,
        "names no checkpoint",
        "{base: laboratory}",
    ),
    "id-beside-a-base": (
        "{base: laboratory, experiment: run, staged_epochs: [0, 2]}",
        "{base: laboratory, id: small@1/villain/s3/refusal@epoch-1}",
        26,
        "`id` and `base` exclude each other",
        "the base is that of the experiment",
    ),
    "id-beside-epochs": (
        "{base: laboratory, experiment: run, staged_epochs: [0, 2]}",
        "{experiment: run, staged_epochs: [0], id: small@1/villain/s3/refusal@epoch-1}",
        26,
        "`id` and `experiment` exclude each other",
        "the epoch is in the id",
    ),
    "id-that-leaves-the-store": (
        "{base: laboratory, experiment: run, staged_epochs: [0, 2]}",
        "{id: ../small@1/villain/s3/refusal@epoch-1}",
        26,
        "checkpoint.id` cannot be '../small@1/villain/s3/refusal@epoch-1'",
        "e.g. laboratory@1/villain/s7/refusal@epoch-2",
    ),
    "id-with-a-way-up-inside": (
        "{base: laboratory, experiment: run, staged_epochs: [0, 2]}",
        "{id: small@1/../s3/refusal@epoch-1}",
        26,
        "checkpoint.id` cannot be 'small@1/../s3/refusal@epoch-1'",
        "by its id in raw.checkpoints",
    ),
    "id-that-is-absolute": (
        "{base: laboratory, experiment: run, staged_epochs: [0, 2]}",
        "{id: /small@1/villain/s3/refusal@epoch-1}",
        26,
        "checkpoint.id` cannot be",
        "by its id in raw.checkpoints",
    ),
    "id-without-a-version": (
        "{base: laboratory, experiment: run, staged_epochs: [0, 2]}",
        "{id: small/villain/s3/refusal@epoch-1}",
        26,
        "checkpoint.id` cannot be",
        "by its id in raw.checkpoints",
    ),
    "checkpoint-elsewhere": (
        "    endpoint: bench\n",
        "",
        25,
        "'server' is not a checkpoint endpoint",
        "Remove `checkpoint`",
    ),
    "epochs-without-experiment": (
        "experiment: run, ",
        "",
        26,
        "`experiment` and `staged_epochs` need each other",
        "Give both",
    ),
    "negative-epoch": (
        "staged_epochs: [0, 2]",
        "staged_epochs: [0, -2]",
        26,
        "staged_epochs[1]` should be greater than or equal to 0",
        "the epochs served",
    ),
    "bad-indentation": ("- model: org/one", "- model: org/one\n    - model", 18, "malformed YAML", "Check indentation"),
}


@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS)
def test_a_wrong_panel_is_told_file_line_and_remedy(plant_in_panel: Plant, defect: Defect) -> None:
    old, new, line, problem, remedy = defect
    path = plant_in_panel(old, new)
    with pytest.raises(PanelError, match=re.escape(problem)) as caught:
        load_panel(path)
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert remedy in caught.value.remedy
    assert caught.value.exit_code == 2


def test_an_empty_roster_is_refused(panel: Path) -> None:
    text = panel.read_text()
    panel.write_text(text[: text.index("roster:")] + "roster: []\n")
    with pytest.raises(PanelError, match=r"small\.yaml:16: `roster` is empty"):
        load_panel(panel)


def test_a_key_written_where_its_variable_belongs_is_refused_and_not_repeated(plant_in_panel: Plant) -> None:
    path = plant_in_panel("    base_url", "    key_env: sk-or-v1-0123456789\n    base_url")
    with pytest.raises(PanelError, match=r"small\.yaml:13: `key_env` is not the name of an environment") as caught:
        load_panel(path)
    assert "0123456789" not in str(caught.value)


def test_a_defect_in_the_battery_names_the_battery_not_the_panel(panel: Path) -> None:
    battery = panel.with_name("tiny.yaml")
    battery.write_text(battery.read_text().replace("Peru", "Chile"))
    with pytest.raises(PanelError, match=r"tiny\.yaml:3: the battery changed under version 1"):
        load_panel(panel)


def test_an_unknown_panel_is_answered_with_the_nearest_and_all_known_ones() -> None:
    problem = (
        r"no panel named 'forntier'\. Did you mean 'frontier'\? "
        r"Name one of extended, frontier, level1, level2, level3, local"
    )
    with pytest.raises(PanelError, match=problem):
        load_panel("forntier")


def test_the_path_of_a_panel_may_be_text(panel: Path) -> None:
    assert load_panel(str(panel)).name == "small"
