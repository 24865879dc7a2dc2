"""What an alarm says of its second sample, and a publication that was made before there were any."""

from __future__ import annotations

from typing import Any

import pytest

from dashboards.findings import alarm_sentence

ALARM: dict[str, Any] = {
    "model": "maker/a", "wave_id": "p/2026-11-20", "reference": "p/2026-11-19", "reference_kind": "previous",
    "kernel": "combined", "capability": "overall", "drift": 0.3, "noise": 0.01, "p_adjusted": 0.001, "n_prompts": 12,
    "n_alarms": 9, "n_tests": 9, "method": "mmd",
}  # fmt: skip
SECOND: dict[str, Any] = {
    "state": "not asked", "n_alarms": 9, "n_confirmed": 0, "n_answers": 0, "n_prompts": 0, "known_since": None,
    "reason": None,
}  # fmt: skip
ANSWERED = {"n_answers": 24, "n_prompts": 12}
SAME = "the served identity is the same"


@pytest.mark.parametrize(
    ("cause", "second", "words"),
    [
        pytest.param(
            "behaviour",
            {"state": "confirmed", "n_confirmed": 9, **ANSWERED},
            "the same system answers differently, confirmed by 24 fresh answers to 12 prompts the same night "
            "(behaviour)",
            id="confirmed",
        ),
        pytest.param(
            "unconfirmed",
            {"state": "not confirmed", **ANSWERED},
            f"{SAME}, and 24 fresh answers to 12 prompts the same night did not show it again (unconfirmed)",
            id="not-again",
        ),
        pytest.param(
            "unconfirmed",
            {"state": "confirmed", "n_confirmed": 3, **ANSWERED},
            f"{SAME}, and 24 fresh answers to 12 prompts the same night confirmed 3 of 9 tests, not this one "
            "(unconfirmed)",
            id="another-test",
        ),
        pytest.param(
            "unconfirmed",
            {"state": "incomplete", "n_planned": 24, "n_answers": 1, "n_prompts": 1, "reason": "the budget is spent"},
            f"{SAME}, and its second sample is incomplete, 1 of 24 answers, and decides nothing (unconfirmed): "
            "the budget is spent",
            id="too-little-came",
        ),
        pytest.param(
            "unconfirmed",
            {"state": "known", "known_since": "p/2026-11-18"},
            f"{SAME}; this change from the baseline was confirmed on 2026-11-18 and not asked for again (unconfirmed)",
            id="known",
        ),
        pytest.param(
            "unconfirmed",
            {"reason": "no money\x1b[31m"},
            f"{SAME} and no second sample has confirmed it (unconfirmed): no money",
            id="not-asked-and-why",
        ),
        pytest.param("unconfirmed", None, f"{SAME} and no second sample has confirmed it (unconfirmed)", id="no-row"),
    ],
)
def test_an_alarm_says_what_its_second_sample_said(cause: str, second: dict[str, Any] | None, words: str) -> None:
    told = alarm_sentence(ALARM | {"cause": cause}, None if second is None else SECOND | second)
    assert told.split("9 of 9 tests): ")[1].startswith(words)
    assert "\x1b" not in told
