"""Judges are off unless a panel declares them, and a panel cannot declare one that proves nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lake.errors import PanelError
from pipelines.enrichment.behaviours import prompt_sha
from pipelines.panels.files import load_panel, panel_names

Plant = Callable[[str, str], Path]
JUDGES = "judges:\n  - {endpoint: server, model: org/judge-2026-01-01, behaviours: [refusal, alignment]}\nroster:"


@pytest.mark.parametrize("name", panel_names())
def test_no_shipped_panel_has_a_judge(name: str) -> None:
    panel = load_panel(name)
    assert panel.judges == ()
    assert "judges" not in panel.declared  # so the shas of waves that were started before are as they were


def test_a_judge_is_resolved_for_each_of_its_behaviours(plant_in_panel: Plant) -> None:
    refusal, alignment = load_panel(plant_in_panel("roster:", JUDGES)).judges
    assert (refusal.behaviour, alignment.behaviour) == ("refusal", "alignment")
    assert refusal.served_as == refusal.model == "org/judge-2026-01-01"
    assert refusal.prompt_sha == prompt_sha("refusal", "1") != alignment.prompt_sha
    assert (refusal.settings, refusal.votes) == ({"temperature": 0, "max_tokens": 16}, 1)


def test_several_votes_are_drawn_and_an_answer_length_of_ones_own_replaces_the_default(plant_in_panel: Plant) -> None:
    more = JUDGES.replace("]}", "], votes: 3, settings: {max_completion_tokens: 900}}")
    judge = load_panel(plant_in_panel("roster:", more)).judges[0]
    assert (judge.settings, judge.votes) == ({"temperature": 1, "max_completion_tokens": 900}, 3)


def test_a_judge_is_part_of_what_a_wave_was_started_with(plant_in_panel: Plant) -> None:
    without = load_panel(plant_in_panel("roster:", "roster:")).sha
    one = load_panel(plant_in_panel("roster:", JUDGES)).sha
    three = load_panel(plant_in_panel("roster:", JUDGES.replace("]}", "], votes: 3}"))).sha
    assert len({without, one, three}) == 3


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("org/judge-2026-01-01", "org/judge-latest", "moving name"),
        ("org/judge-2026-01-01", "openrouter/auto", "moving name"),
        ("org/judge-2026-01-01", "~org/judge", "moving name"),
        ("org/judge-2026-01-01", "'org/judge-*'", "moving name"),
        ("alignment]", "alignment], served_as: org/judge:latest", "moving name"),
        ("endpoint: server", "endpoint: bench", "names a checkpoint endpoint 'bench'"),
        ("endpoint: server", "endpoint: servre", "unknown endpoint 'servre'.*Did you mean 'server'"),
        ("refusal, alignment", "refusal, refusal", "judged by .* and again by"),
        ("refusal, alignment", "kindness", "behaviours"),
        ("alignment]", "alignment], prompt_version: '7'", "no version '7'.*There are: 1"),
        ("alignment]", "alignment], votes: 0", "votes"),
        ("alignment]", "alignment], settings: {n: 3}", "`n` is set by driftlake itself"),
        ("roster:", "  - {endpoint: server, model: org/b, behaviours: [refusal]}\nroster:", "refusal is judged by"),
        ("roster:", "  - {endpoint: server, model: org/judge-2026-01-01, behaviours: [sycophancy]}\nroster:", "twice"),
    ],
)
def test_a_judge_that_proves_nothing_is_refused_with_its_line(
    plant_in_panel: Plant, old: str, new: str, told: str
) -> None:
    assert old in JUDGES
    with pytest.raises(PanelError, match=rf"(?s):\d+.*{told}"):
        load_panel(plant_in_panel("roster:", JUDGES.replace(old, new)))
