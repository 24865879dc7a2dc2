"""What judging will cost is said before there is an answer: K votes on each, at assumed lengths and at the longest."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from pipelines.asking.pricing import Price
from pipelines.asking.records import Cell, Question
from pipelines.enrichment.behaviours import filled, prompt_sha, prompt_text
from pipelines.enrichment.judging_forecast import judging_forecast
from pipelines.panels.files import load_panel
from pipelines.panels.records import EndpointSpec, Judge, Panel, Prompt, RosterEntry

PRICE = Price(1e-6, 4e-6)
JUDGE = Judge("refusal", "api", "maker/judge", "maker/judge", "1", prompt_sha("refusal", "1"), {"max_tokens": 16}, 3)
ENTRY = RosterEntry("maker/steady", "api", settings={"max_tokens": 100})
PROMPT = Prompt("p", "truthfulness", "made up", "answers", ({"role": "user", "content": "Is it so?"},))


def panel(*judges: Judge) -> Panel:
    endpoint = EndpointSpec("api", "openai_compatible", "http://127.0.0.1:1")
    return replace(load_panel("local"), endpoints={"api": endpoint}, judges=judges, path=Path("panel.yaml"))


def question(entry: RosterEntry = ENTRY, purpose: str = "measure", sample: int = 0) -> Question:
    cell = Cell("w", date(2026, 1, 1), "p", entry.model, "api", "p", sample, purpose, 0, 0)
    return Question(cell, entry, PROMPT)


def test_a_judge_costs_its_votes_on_every_answer() -> None:
    around = len(filled(prompt_text("refusal", "1"), PROMPT.messages, ""))  # template and question, ASCII
    # answers of 100 tokens at most: 5 % of them at 6 characters, 50 % at 4, all of them at 6 bytes
    low = round((around + 30) / 6) * 1e-6 + 1 * 4e-6
    expected = round((around + 200) / 4) * 1e-6 + 8 * 4e-6
    high = (around + 600 + 32 + 64) * 1e-6 + 16 * 4e-6
    found = judging_forecast(panel(JUDGE), [question(), question(sample=1)], {"maker/judge": PRICE})
    assert found.cells == 6  # two answers, three votes each
    assert (found.low_usd, found.expected_usd, found.high_usd) == pytest.approx((6 * low, 6 * expected, 6 * high))
    (line,) = found.models
    assert line.model == "maker/judge judging refusal"


def test_confirmation_samples_are_not_judged_and_a_panel_without_judges_costs_nothing() -> None:
    assert judging_forecast(panel(JUDGE), [question(purpose="confirmation")], {"maker/judge": PRICE}).cells == 0
    nothing = judging_forecast(panel(), [question()], {"maker/judge": PRICE})
    assert (nothing.cells, nothing.expected_usd, nothing.models) == (0, 0, ())


def test_a_judge_is_unpriced_without_a_price_or_where_nothing_limits_what_it_reads_or_says() -> None:
    unlimited = replace(ENTRY, settings={})
    named = ("maker/judge judging refusal",)
    assert judging_forecast(panel(JUDGE), [question()], {}).unpriced == named
    assert judging_forecast(panel(JUDGE), [question(unlimited)], {"maker/judge": PRICE}).unpriced == named
    endless = replace(JUDGE, settings={})
    assert judging_forecast(panel(endless), [question()], {"maker/judge": PRICE}).unpriced == named
