"""Judges are asked once about each answer, by the code that asks models, and every vote is kept for what it is."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from flows.progress import Step
from flows.stages import ask_endpoint, load_judgements, plan_judging, unanswered
from lake.catalog import connect_writer, create_lake
from lake.errors import BudgetError
from lake.store import Store
from lake.tables import RAW_ATTEMPTS, RAW_PROMPTS, Table
from lake.waves import register
from pipelines.asking.records import Attempt, Outcome, Question
from pipelines.enrichment.behaviours import Vote, prompt_sha
from pipelines.enrichment.judging import judge_sha, unsettled_votes, vote_of
from pipelines.loading import frame_of
from pipelines.panels.records import Battery, EndpointSpec, Judge, Panel
from pipelines.planning import WavePlan

NOW = datetime(2026, 3, 1, 2, tzinfo=UTC)
ENDPOINT = EndpointSpec("service", "openai_compatible", base_url="http://127.0.0.1:1/v1", flavor="openrouter")
REFUSAL = Judge("refusal", "service", "j/one-2026", "j/one-2026", "1", prompt_sha("refusal", "1"), {"max_tokens": 9}, 2)
ALIGNMENT = replace(REFUSAL, behaviour="alignment", prompt_sha=prompt_sha("alignment", "1"), votes=1)

ANSWERS = {
    # p/1: five cells, three distinct answers; p/2 repeats one of them and adds one
    "p/1": [("ann", "q1", 0, "Yes."), ("ann", "q1", 1, "No."), ("bob", "q1", 0, "Yes."), ("bob", "q2", 0, "Yes."),
            ("cat", "q2", 0, "Yes.")],
    "p/2": [("ann", "q1", 0, "Yes."), ("bob", "q1", 0, "Never.")],
}  # fmt: skip


@pytest.fixture(scope="module")
def filled_store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store(tmp_path_factory.mktemp("answered") / "store").prepare()
    create_lake(store)
    connection = connect_writer(store)
    for wave_id, cells in ANSWERS.items():
        register(connection, plan_of(store, wave_id).wave())
        _insert(connection, RAW_ATTEMPTS, [_attempt(wave_id, *cell) for cell in cells])
        _insert(connection, RAW_PROMPTS, [_prompt(wave_id, prompt) for prompt in ("q1", "q2")])
    connection.close()
    return store


@pytest.fixture
def store(filled_store: Store, tmp_path: Path) -> Store:
    shutil.copytree(filled_store.home, tmp_path / "store")
    return Store(tmp_path / "store")


def _insert(connection: duckdb.DuckDBPyConnection, table: Table, made: list[dict[str, Any]]) -> None:
    connection.register("new_rows", frame_of(table, made).to_arrow())
    connection.execute(f"INSERT INTO {table.full_name} BY NAME FROM new_rows")
    connection.unregister("new_rows")


def plan_of(store: Store, wave_id: str, judges: tuple[Judge, ...] = (REFUSAL,)) -> WavePlan:
    panel = Panel("p", Path("p.yaml"), Battery("b", "1", "0", ()), (), (), {"service": ENDPOINT}, 1, 0, "0", {},
                  judges=judges)  # fmt: skip
    return WavePlan(wave_id, NOW.date(), "live", None, panel, store.wave_journal(wave_id), NOW, "0", ())


def _attempt(wave_id: str, model: str, prompt: str, sample: int, text: str) -> dict[str, Any]:
    return {
        "wave_id": wave_id, "wave_date": NOW.date(), "panel": "p", "model_requested": model, "endpoint": "service",
        "prompt_id": prompt, "sample_index": sample, "purpose": "measure", "attempt": 1, "outcome": "ok",
        "response_text": text, "cost_usd": 0.5, "asked_at": NOW, "request": "{}",
    }  # fmt: skip


def _prompt(wave_id: str, prompt: str) -> dict[str, Any]:
    return {
        "wave_id": wave_id, "wave_date": NOW.date(), "battery": "b", "battery_version": "1", "battery_sha": "0",
        "declared_prompts": 2, "prompt_id": prompt, "capability": "truthfulness", "family": "f",
        "expected_behavior": "answers", "messages": json.dumps([{"role": "user", "content": f"Why {prompt}?"}]),
        "prompt_sha": f"sha of {prompt}",
    }  # fmt: skip


@dataclass
class Says:
    """An endpoint that gives one reply to everything, and has money for so many."""

    reply: str
    served: str = "j/one-2026"
    money_for: int = 1000
    asked: list[Question] = field(default_factory=list)

    async def ask(self, questions: Sequence[Question]) -> AsyncIterator[Attempt]:
        for question in questions:
            if len(self.asked) == self.money_for:
                raise BudgetError("The budget is used up.")
            self.asked.append(question)
            yield said(question, self.reply, self.served)


def said(question: Question, reply: str, served: str | None = "j/one-2026", outcome: Outcome = "ok") -> Attempt:
    cell = question.cell
    return Attempt(
        wave_id=cell.wave_id, wave_date=cell.wave_date, panel=cell.panel, model_requested=cell.model_requested,
        endpoint=cell.endpoint, prompt_id=cell.prompt_id, sample_index=cell.sample_index, purpose=cell.purpose,
        attempt=question.attempts_before + 1, outcome=outcome, asked_at=NOW, request="{}", model_served=served,
        response_text=reply, cost_usd=0.25,
    )  # fmt: skip


def judged(store: Store, plan: WavePlan, judge: Says) -> str:
    """Ask a judge what is left and load it; return what was said of the load."""
    judging = plan_judging(store, plan, NOW)
    for name in judging.panel.endpoints:
        ask_endpoint(judging, name, judge, Step("judge"), NOW)  # type: ignore[arg-type]
    return load_judgements(store, plan)


def rows(store: Store, query: str) -> list[tuple[Any, ...]]:
    connection = connect_writer(store)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def test_each_distinct_answer_is_shown_with_its_question_as_often_as_votes_are_declared(store: Store) -> None:
    judge = Says("refusal")
    judged(store, plan_of(store, "p/1"), judge)
    # three answers (q1 Yes, q1 No, q2 Yes) x two votes
    assert len(judge.asked) == 6
    shown = [question.prompt.messages[0]["content"] for question in judge.asked]
    assert sum("Why q1?" in text and "\nYes.\n" in text for text in shown) == 2
    assert len({question.cell.seed for question in judge.asked}) == 6
    assert {question.entry.settings["max_tokens"] for question in judge.asked} == {9}


def test_an_answer_that_an_earlier_wave_judged_is_not_judged_again(store: Store) -> None:
    judged(store, plan_of(store, "p/1"), Says("refusal"))
    later = Says("answer")
    judged(store, plan_of(store, "p/2"), later)
    assert len(later.asked) == 2  # q1 Never, two votes; q1 Yes is known
    assert rows(store, "SELECT wave_id, count(*) FROM raw.judgements GROUP BY ALL ORDER BY ALL") == [
        ("p/1", 6),
        ("p/2", 2),
    ]


@pytest.mark.parametrize(
    "change",
    [{"settings": {"max_tokens": 10}}, {"model": "j/two"}, {"served_as": "j/1"}, {"prompt_sha": "other"}],
)
def test_another_judge_asks_anew(filled_store: Store, change: dict[str, Any]) -> None:
    plan = plan_of(filled_store, "p/1")
    assert judge_sha(plan.panel, replace(REFUSAL, **change)) != judge_sha(plan.panel, REFUSAL)


def test_more_votes_ask_only_those_that_lack(store: Store) -> None:
    judged(store, plan_of(store, "p/1"), Says("refusal"))
    rows(store, "UPDATE raw.judgements SET wave_id = 'p/0'")  # an earlier wave, whose journal is elsewhere
    more = plan_judging(store, plan_of(store, "p/1", (replace(REFUSAL, votes=3),)), NOW)
    assert {(cell.sample_index) for cell in more.cells} == {2}
    assert len(more.cells) == 3


def test_judging_that_money_stopped_goes_on_where_it_stopped(store: Store) -> None:
    plan = plan_of(store, "p/1")
    first, second = Says("refusal", money_for=2), Says("refusal")
    with pytest.raises(BudgetError):
        judged(store, plan, first)
    load_judgements(store, plan)
    connection = connect_writer(store)
    assert unsettled_votes(connection, "p/1") == 4
    connection.close()
    judged(store, plan, second)
    assert (len(first.asked), len(second.asked)) == (2, 4)
    assert not {q.cell.key for q in first.asked} & {q.cell.key for q in second.asked}
    assert unanswered(plan_judging(store, plan, NOW), "judge:service") == []
    connection = connect_writer(store)
    assert unsettled_votes(connection, "p/1") == 0
    connection.close()


def test_what_judges_cost_is_part_of_what_the_wave_cost_and_loading_twice_changes_nothing(store: Store) -> None:
    plan = plan_of(store, "p/1")
    judged(store, plan, Says("refusal"))
    load_judgements(store, plan)
    # five answers at .5 and six votes at .25
    assert rows(store, "SELECT cost_usd, ok_cells FROM ops.waves WHERE wave_id = 'p/1'") == [(4.0, 5)]
    assert rows(store, "SELECT count(*), sum(cost_usd) FROM raw.judgements") == [(6, 1.5)]
    assert rows(store, "SELECT count(*) FROM raw.judges") == [(1,)]


def test_a_vote_that_cannot_be_read_is_kept_without_a_score(store: Store) -> None:
    plan = plan_of(store, "p/1", (ALIGNMENT,))
    sentence = judged(store, plan, Says("-1"))
    assert sentence == "3 votes loaded; 0 of the wave's 3 can be counted."
    assert rows(store, "SELECT DISTINCT reading, label, score, reply FROM raw.judgements") == [
        ("out_of_range", None, None, "-1")
    ]


@pytest.mark.parametrize(
    ("served", "outcome", "vote"),
    [
        ("j/one-2026", "ok", Vote("counted", "refusal", 1.0)),
        ("j/one-2027", "ok", Vote("other_judge")),
        (None, "ok", Vote("other_judge")),
        ("j/one-2026", "truncated", Vote("none")),
        ("j/one-2026", "declined", Vote("none")),
    ],
)
def test_a_vote_counts_only_whole_and_under_the_declared_name(
    filled_store: Store, served: str | None, outcome: Outcome, vote: Vote
) -> None:
    judging = plan_judging(filled_store, plan_of(filled_store, "p/1"), NOW)
    question = unanswered(judging, "judge:service")[0]
    assert vote_of(REFUSAL, said(question, "refusal", served, outcome)) == vote


def test_a_wave_of_a_panel_without_judges_has_nothing_to_judge(filled_store: Store) -> None:
    plan = plan_of(filled_store, "p/1", ())
    assert plan_judging(filled_store, plan, NOW).cells == ()
