"""Two nights on which models alarm behind one name: what a second sample says, what it costs, and what it touches.

maker/turned speaks of other things on the second night; maker/odd does too, but no longer when it is asked again;
maker/dear turns, and costs more to ask again than the budget has left. The second night is killed between asking the
second samples and loading them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import duckdb
import pytest

from flows import stages
from lake.catalog import connect_reader
from tests.flows.asked_panel import CELLS_A_MODEL, KEY, KEY_ENV, asked_panel, catalogue_entry, local_openrouter, rows

TURNED, ODD, DEAR, STEADY = MODELS = ("maker/turned", "maker/odd", "maker/dear", "maker/steady")
CAP_USD = 0.2
DEAR_PRICE = {"prompt": "0.00001", "completion": "0.0001"}  # 24 answers of 100 tokens: more than 0.24 USD
NIGHT = CELLS_A_MODEL


class KilledError(BaseException):
    """Stands for a kill: nothing catches it."""


@dataclass
class Played:
    reader: duckdb.DuckDBPyConnection
    said: str
    again: str
    books: dict[str, Any]
    calls_again: int

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.reader.execute(query).fetchall()

    def states(self) -> dict[str, list[Any]]:
        found = self.rows(
            "SELECT model, state, n_planned, n_answers, n_prompts, reason FROM out.drift_confirmations",
        )
        return {model: rest for model, *rest in found}


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    folder = tmp_path_factory.mktemp("confirmed")
    with local_openrouter() as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv(KEY_ENV, KEY)
        roster = [{"model": model} for model in MODELS]
        changes = {"roster": roster, "budget_usd": CAP_USD, "staged_nights": 2}
        nights = asked_panel(folder, server.address, "confirmed", **changes)
        prices = {DEAR: {"pricing": DEAR_PRICE}}
        catalogue = [catalogue_entry(model, **prices.get(model, {})) for model in MODELS]
        before, odd = ["ashore"] * NIGHT, ["at_sea"] * NIGHT
        plans = {TURNED: before, DEAR: before, ODD: [*before, *odd]}
        always = {TURNED: "at_sea", DEAR: "at_sea", ODD: "ashore", STEADY: "ashore"}
        server.control(catalogue=catalogue, plans=plans, always=always)

        note_trouble, kills = stages.note_trouble, iter([KilledError])

        def killed_once(*arguments: Any) -> None:
            for error in kills:
                raise error
            note_trouble(*arguments)

        patch.setattr(stages, "note_trouble", killed_once)
        with pytest.raises(KilledError):
            nights.play_here()
        assert rows(nights.store, "SELECT count(*) FROM raw.attempts WHERE purpose = 'confirmation'") == [(0,)]
        said = nights.play_here()
        books = server.books()
        server.control(catalogue=catalogue)
        again = nights.play_here()
        yield Played(connect_reader(nights.store, "head"), said, again, books, server.books()["calls"])


def causes(played: Played, model: str) -> list[str]:
    found = played.rows(
        f"SELECT DISTINCT cause FROM out.drift_by_model WHERE model = '{model}' AND cause IS NOT NULL "
        "AND capability = 'overall' AND kernel = 'combined' AND reference_kind = 'previous'",
    )
    return [cause for (cause,) in found]


def test_a_model_that_answers_otherwise_behind_the_same_name_is_called_behaviour_the_same_night(played: Played) -> None:
    assert causes(played, TURNED) == ["behaviour"]
    assert played.states()[TURNED] == ["confirmed", NIGHT, NIGHT, 12, None]


def test_one_odd_draw_stays_unconfirmed(played: Played) -> None:
    assert causes(played, ODD) == ["unconfirmed"]
    assert played.states()[ODD] == ["not confirmed", NIGHT, NIGHT, 12, None]


def test_a_budget_that_cannot_cover_the_sample_leaves_the_alarm_unconfirmed_and_says_so(played: Played) -> None:
    assert causes(played, DEAR) == ["unconfirmed"]
    state, planned, answers, prompts, reason = played.states()[DEAR]
    assert (state, planned, answers, prompts) == ("not asked", 0, 0, 0)
    assert re.fullmatch(
        r"a second sample was not asked: its 24 answers can cost 0\.2\d+ USD, and 0\.1\d+ USD of the budget are left",
        reason,
    )
    (waves,) = played.rows("SELECT count(*), max(cost_usd) FROM ops.waves WHERE status = 'published'")
    assert waves[0] == 2
    assert waves[1] < CAP_USD


def test_nothing_is_asked_twice_although_the_night_was_killed(played: Played) -> None:
    assert set(played.books["calls_by_cell"].values()) == {1}
    wanted = {TURNED: 3 * NIGHT, ODD: 3 * NIGHT, DEAR: 2 * NIGHT, STEADY: 2 * NIGHT}
    assert played.books["calls_by_model"] == wanted
    assert played.calls_again == 0
    (samples,) = played.rows(
        "SELECT min(sample_index), max(sample_index), count(DISTINCT seed) FROM raw.planned_cells "
        "WHERE purpose = 'confirmation'",
    )
    assert samples == (2, 3, 2 * NIGHT)


def test_the_night_tells_what_confirmed_an_alarm_or_why_nothing_did(played: Played) -> None:
    for text in (played.said, played.again):
        assert "confirmed by 24 fresh answers to 12 prompts the same night (behaviour)" in text
        assert "24 fresh answers to 12 prompts the same night did not show it again (unconfirmed)" in text
        assert "(unconfirmed): a second sample was not asked: its 24 answers can cost" in text


def test_second_samples_have_a_place_of_their_own_in_what_a_wave_cost(played: Played) -> None:
    found = played.rows(
        "SELECT model, sum(ok_attempts)::int FROM out.costs WHERE used_as = 'confirming' GROUP BY model ORDER BY model",
    )
    assert found == [(ODD, NIGHT), (TURNED, NIGHT)]
    totals = played.rows("SELECT DISTINCT planned_cells, ok_cells FROM ops.waves")
    assert totals == [(4 * NIGHT, 4 * NIGHT)]
    assert played.rows("SELECT DISTINCT ok_cells FROM core.model_waves") == [(NIGHT,)]
