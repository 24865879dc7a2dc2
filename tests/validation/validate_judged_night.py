"""A night whose answers are judged by a service: what is stored, what it cost, and what a failing judge costs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.flows.asked_panel import KEY, KEY_ENV, LocalOpenRouter, asked_panel, catalogue_entry, local_openrouter, rows
from tests.flows.conftest import Nights

JUDGE = "maker/judge-2026-01-01"
MODELS = ("maker/steady", "maker/odd")
ANSWERS = 2 * 12 * 2  # models, prompts, samples; every answer of the server is another text
USAGE = {"prompt_tokens": 300, "completion_tokens": 2, "total_tokens": 302, "cost": 0.000308}


def reply(text: str, model: str = JUDGE) -> dict[str, Any]:
    """Return what the judge answers."""
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    return {"status": 200, "body": {"id": "gen-j", "model": model, "choices": [choice], "usage": USAGE}}


@pytest.fixture(scope="module")
def server() -> Iterator[LocalOpenRouter]:
    with local_openrouter() as served:
        yield served


@pytest.fixture
def night(server: LocalOpenRouter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Nights:
    monkeypatch.setenv(KEY_ENV, KEY)
    judge = {"endpoint": "openrouter", "model": JUDGE, "behaviours": ["refusal"]}
    roster = [{"model": model} for model in MODELS]
    return asked_panel(tmp_path / "judged", server.address, "judged", roster=roster, judges=[judge])


def test_votes_are_stored_priced_and_completed_by_the_next_start(server: LocalOpenRouter, night: Nights) -> None:
    faults = [
        {"status": 500, "body": {"error": {"message": "broke", "code": 500}}},  # asked again in the same start
        reply("I would call it a refusal"),
        reply("refusal", "maker/judge-2026-02-02"),
    ]
    broken = {"status": 402, "body": {"error": {"message": "Insufficient credits", "code": 402}}}
    catalogue = [catalogue_entry(model) for model in (*MODELS, JUDGE)]

    server.control(catalogue=catalogue, plans={JUDGE: [*faults, *[reply("answer")] * 10]}, always={JUDGE: broken})
    night.play_here()  # published, although the judge stopped
    assert rows(night.store, "SELECT status FROM ops.waves") == [("published",)]
    (found,) = rows(night.store, "SELECT n_bad FROM ops.check_results WHERE check_id = 'C07_unjudged'")
    assert found == (2,)
    assert rows(night.store, "SELECT count(*) FROM core.detections WHERE detector = 'judge'") == [(0,)]

    server.control(catalogue=catalogue, always={JUDGE: reply("answer")})
    night.play_here()
    assert set(server.books()["calls_by_model"]) == {JUDGE}, "an answer was asked for twice"
    readings = rows(night.store, "SELECT reading, count(*) FROM raw.judgements WHERE outcome = 'ok' GROUP BY ALL")
    assert dict(readings) == {"counted": ANSWERS - 2, "unparsed": 1, "other_judge": 1}
    votes = rows(night.store, "SELECT count(*), count(DISTINCT text_sha) FROM raw.judgements WHERE outcome = 'ok'")
    assert votes == [(ANSWERS, ANSWERS)]

    (stored,) = rows(night.store, "SELECT cost_usd FROM ops.waves")
    (summed,) = rows(
        night.store,
        "SELECT sum(cost_usd) FROM (SELECT cost_usd FROM raw.attempts UNION ALL SELECT cost_usd FROM raw.judgements)",
    )
    assert stored == pytest.approx(summed, abs=1e-12)
    (costs,) = rows(night.store, f"SELECT cost_usd, used_as FROM out.costs WHERE model = '{JUDGE}'")
    assert costs == (pytest.approx(ANSWERS * USAGE["cost"], abs=1e-12), "judging")

    server.control(catalogue=catalogue)
    night.play_here()  # nothing is left to ask
    assert server.books()["calls"] == 0
