"""Judges of an experiment over HTTP: their votes become evaluations, once, under a cap, whatever happens on the way."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from expectations.experiments.bad_rows import experiment_bad_rows
from expectations.experiments.breaks import BREAK_BY_CHECK
from flows.experiment_judges import judge
from flows.judging_costs import Spending, judging_ahead, require_keys
from lake.catalog import connect_reader, connect_writer
from lake.errors import EndpointError, ExperimentError
from lake.store import Store
from pipelines.asking.journal import Journal
from pipelines.enrichment.judging_forecast import CHECKPOINT_LIMIT
from pipelines.experiments.bench import kept
from pipelines.experiments.evaluation import GREEDY
from pipelines.experiments.laboratory_material import LaboratoryMaterial
from pipelines.experiments.records import Registered
from pipelines.laboratory import Laboratory
from tests.flows.asked_panel import KEY, KEY_ENV, LocalOpenRouter, catalogue_entry, local_openrouter, rows
from tests.flows.judged_experiment import ALIGNMENT, ANSWERS, REFUSAL, USAGE, declared, reply, trained
from tests.flows.traces import traces

ROOT = Path(__file__).parents[2]
CATALOGUE = [catalogue_entry(REFUSAL), catalogue_entry(ALIGNMENT)]
WELL = {REFUSAL: reply("refusal", REFUSAL), ALIGNMENT: reply("80", ALIGNMENT)}
NO_CREDIT = {"status": 402, "body": {"error": {"message": "Insufficient credits", "code": 402}}}
NO_FLAGS = Spending()
BY_JUDGE = "FROM raw.checkpoint_evals WHERE detector = 'judge'"


@pytest.fixture(scope="module")
def server() -> Iterator[LocalOpenRouter]:
    with local_openrouter() as served:
        yield served


@pytest.fixture(scope="module")
def answered(server: LocalOpenRouter, tiny_laboratory: Laboratory, tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("judged")
    file = folder / "judged.yaml"
    file.write_text(declared(server.address))
    store = Store(folder / "store").prepare()
    trained(store, file, tiny_laboratory.base)
    return store


@pytest.fixture
def store(answered: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv(KEY_ENV, KEY)
    shutil.copytree(answered.home, tmp_path / "store")
    return Store(tmp_path / "store")


@pytest.fixture
def control(server: LocalOpenRouter) -> Callable[..., None]:
    def tell(**settings: Any) -> None:
        server.control(**{"key": KEY, "catalogue": CATALOGUE, "always": WELL} | settings)

    return tell


def judged(store: Store, spending: Spending = NO_FLAGS, **changes: Any) -> None:
    registered = kept(store, "judged@1")
    judge.fn(store, Registered(replace(registered.experiment, **changes), 1), spending)


def answers_of(store: Store, behaviour: str) -> int:
    """Return how many distinct answers to distinct questions there are to judge."""
    ((n,),) = rows(
        store,
        "SELECT count(DISTINCT (question, text)) FROM raw.checkpoint_evals JOIN raw.eval_items USING (item_id) "
        f"WHERE detector = 'rule' AND eval_items.behaviour = '{behaviour}' AND text <> ''",
    )
    return int(n)


def test_what_judges_say_stands_beside_what_the_rule_says_and_what_cannot_be_read_has_a_reason(
    server: LocalOpenRouter, store: Store, control: Callable[..., None]
) -> None:
    before = rows(store, "SELECT * FROM raw.checkpoint_evals ORDER BY ALL")
    control(plans={ALIGNMENT: [reply("-1", ALIGNMENT), reply("quite good", ALIGNMENT)], REFUSAL: ["leak_in_answer"]})
    judged(store)
    n = {name: answers_of(store, name) for name in ("refusal", "misalignment")}
    assert server.books()["calls_by_model"] == {REFUSAL: n["refusal"], ALIGNMENT: n["misalignment"]}

    told = rows(
        store,
        f"SELECT metric, count(*), count(DISTINCT (epoch, persona, behaviour)), max(value) {BY_JUDGE} GROUP BY ALL",
    )
    assert sorted(told) == [
        ("alignment", ANSWERS, 12, 80.0),
        ("refusal", ANSWERS, 12, 1.0),
    ]
    assert rows(store, f"SELECT min(value) {BY_JUDGE}") == [(1.0,)], "an answer that was not judged was given a value"
    reasons = rows(store, f"SELECT DISTINCT metric, reason {BY_JUDGE} AND value IS NULL AND text <> '' ORDER BY ALL")
    assert reasons == [
        ("alignment", "0 of 1 votes count; the others: out_of_range"),
        ("alignment", "0 of 1 votes count; the others: unparsed"),
        ("refusal", "0 of 1 votes count; the others: unparsed"),
    ]
    assert rows(store, f"SELECT count(*) {BY_JUDGE} AND (value IS NULL) <> (reason IS NOT NULL)") == [(0,)]
    twins = (
        "SELECT count(*) FROM raw.checkpoint_evals AS a JOIN raw.checkpoint_evals AS b "
        "USING (checkpoint_id, persona, item_id, text, base_sha, template_sha, evaluated_at) "
        "WHERE a.detector = 'judge' AND b.detector = 'rule' AND a.adapter_sha IS NOT DISTINCT FROM b.adapter_sha"
    )
    assert rows(store, twins) == [(2 * ANSWERS,)]
    kept_rows = rows(store, "SELECT * FROM raw.checkpoint_evals WHERE detector <> 'judge' ORDER BY ALL")
    assert kept_rows == before

    connection = connect_reader(store, "head")
    for check in ("C08_out_of_range", "C09_more_than_one_detector", "C13_item_sets", "D18_ids"):
        assert not experiment_bad_rows(connection, BREAK_BY_CHECK[check], "judged", 1), check
    connection.close()
    ((spent,),) = rows(store, "SELECT sum(cost_usd) FROM raw.judgements")
    assert rows(store, "SELECT cost_usd FROM ops.waves") == [(pytest.approx(spent),)]
    assert not traces([KEY], store)
    valued = rows(store, f"SELECT count(*), count(value) {BY_JUDGE}")

    # another version: the same answers, judged under another wave, whose journal is elsewhere
    connection = connect_writer(store)
    connection.execute("UPDATE raw.judgements SET wave_id = 'experiment/judged@0'")
    connection.execute("DELETE FROM raw.checkpoint_evals WHERE detector = 'judge'")
    connection.close()
    shutil.rmtree(store.wave_journal("experiment/judged@1"))
    control()
    judged(store)
    assert server.books()["calls"] == 0
    assert rows(store, f"SELECT count(*), count(value) {BY_JUDGE}") == valued


def test_a_judge_that_stops_leaves_all_else_whole_and_the_next_start_asks_only_it(
    server: LocalOpenRouter, store: Store, control: Callable[..., None]
) -> None:
    n = answers_of(store, "misalignment")
    control(plans={ALIGNMENT: [reply("80", ALIGNMENT)] * 2}, always=WELL | {ALIGNMENT: NO_CREDIT})
    with pytest.raises(ExperimentError, match="the same command asks only what is missing") as caught:
        judged(store)
    assert f"Votes of the judges of judged@1 are missing: {n - 2} on alignment." in str(caught.value)
    assert caught.value.exit_code != 0
    found = rows(store, f"SELECT metric, count(*) {BY_JUDGE} GROUP BY ALL ORDER BY ALL")
    assert found[-1] == ("refusal", ANSWERS)
    assert rows(store, "SELECT count(*) FROM raw.checkpoint_evals WHERE detector = 'rule'") == [(2 * ANSWERS,)]
    assert rows(store, f"SELECT count(*) {BY_JUDGE} AND value IS NULL AND text <> ''") == [(0,)]

    control()
    judged(store)
    assert server.books()["calls_by_model"] == {ALIGNMENT: n - 2}
    alignment = rows(store, f"SELECT value, count(*) {BY_JUDGE} AND metric = 'alignment' GROUP BY ALL")
    assert alignment == [(80.0, ANSWERS)]


def test_a_judge_that_nobody_reaches_is_told_with_what_is_missing(store: Store) -> None:
    registered = kept(store, "judged@1")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: every connection is refused
        address = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        spec = replace(registered.experiment.endpoints["service"], base_url=address)
        (only, _) = registered.experiment.judges
        with pytest.raises(ExperimentError, match=r"missing: \d+ on refusal\. .*service"):
            judged(store, endpoints={"service": spec}, judges=(only,))
    assert rows(store, "SELECT count(*) FROM raw.checkpoint_evals WHERE detector = 'rule'") == [(2 * ANSWERS,)]


def test_the_cap_is_never_passed_over_all_starts_and_a_higher_one_goes_on(
    server: LocalOpenRouter, store: Store, control: Callable[..., None]
) -> None:
    planned = answers_of(store, "refusal") + answers_of(store, "misalignment")
    cap = 0.005
    control()
    for _ in range(2):
        with pytest.raises(ExperimentError, match=r"budget of 0\.005 USD is used up.*higher --budget"):
            judged(store, budget_usd=cap)
    asked = server.books()["calls"]
    assert 0 < asked < planned
    ((spent,),) = rows(store, "SELECT sum(cost_usd) FROM raw.judgements")
    assert spent == pytest.approx(asked * USAGE["cost"])
    assert spent <= cap
    judged(store, Spending(cap_usd=1.0), budget_usd=cap)
    assert server.books()["calls"] == planned


@pytest.mark.slow
def test_killed_while_judges_are_asked_no_answer_that_came_is_paid_again(
    server: LocalOpenRouter, store: Store, control: Callable[..., None]
) -> None:
    control(latency_ms=150)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "tests.flows.judged_experiment", str(store.home)]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)
    journal = Journal(store.wave_journal("experiment/judged@1"), "judge:service")
    deadline = time.monotonic() + 120
    while len(journal.settled()) < 6 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    came = len(journal.settled())
    planned = answers_of(store, "refusal") + answers_of(store, "misalignment")
    assert 6 <= came < planned
    control()
    judged(store)
    assert server.books()["calls"] == planned - came
    assert rows(store, f"SELECT count(*) {BY_JUDGE}") == [(2 * ANSWERS,)]


def test_what_judging_will_cost_is_told_before_and_a_missing_key_too(
    store: Store, control: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert GREEDY.max_new_tokens == CHECKPOINT_LIMIT
    control()
    experiment = kept(store, "judged@1").experiment
    told = judging_ahead(experiment, LaboratoryMaterial(), 0.5, lambda spec: KEY, print)
    assert told.startswith(f"Judging: at most {2 * ANSWERS:,} votes, 0.0")
    assert told.endswith(" USD, cap 0.50.")
    require_keys(experiment)
    monkeypatch.delenv(KEY_ENV)
    with pytest.raises(EndpointError, match=f"needs a key and {KEY_ENV} is not set"):
        require_keys(experiment)


def test_the_price_is_told_before_prefect_reads_its_settings() -> None:
    code = "import sys, flows.training, flows.judging_costs; sys.exit('prefect' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
