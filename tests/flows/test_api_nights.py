"""One night over HTTP against a server that fails, gives secrets away and answers with texts that attack."""

from __future__ import annotations

import re
import shutil
import subprocess
import unicodedata
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.running import Night as DueNight
from flows.running import nights_due
from flows.stages import unanswered
from pipelines.panels.files import load_panel
from pipelines.planning import freeze_plan
from tests.flows.asked_night import WAS_SENT, Night, played_night
from tests.flows.asked_panel import CELLS_A_MODEL, KEY, MODELS, local_openrouter
from tests.flows.hostile_answers import DEEP, SECRETS, TEXTS
from tests.flows.traces import traces

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory, prefect_url: str) -> Night:
    with local_openrouter() as server:
        return played_night(tmp_path_factory.mktemp("asked"), server, prefect_url)


def test_without_credit_the_night_stops_with_a_sentence_and_what_was_answered_is_in_the_lake(night: Night) -> None:
    stopped = night.stopped
    assert stopped.done.returncode == 1
    said = stopped.done.stderr.strip().splitlines()[-1]
    assert said.startswith("driftlake: openrouter has no credit left for this key (402 ")
    assert "start the same command again: it asks only what is missing" in said
    assert "Traceback" not in stopped.done.stderr
    assert stopped.books["answers"] > 2
    assert stopped.attempts == stopped.books["calls"]
    assert stopped.waves == [("loaded", pytest.approx(stopped.books["charged_usd"], abs=1e-9))]
    assert stopped.publications == 0


def test_what_the_server_gave_away_when_it_stopped_the_night_is_nowhere(night: Night) -> None:
    assert "[redacted key]" in night.stopped.done.stderr
    assert night.secrets_after_stop == []


def test_a_second_start_of_a_wave_says_so_leaves_and_disturbs_nothing(night: Night) -> None:
    busy = night.busy
    assert busy.done.returncode == 1
    assert "is already running in process" in busy.done.stderr
    assert "nothing is lost" in busy.done.stderr
    assert "Traceback" not in busy.done.stderr
    assert busy.books["calls"] == 0
    assert (busy.attempts, busy.waves) == (night.stopped.attempts, night.stopped.waves)


def test_the_same_command_asks_only_what_is_missing_and_publishes(night: Night) -> None:
    assert night.finished.done.returncode == 0, night.finished.done.stderr
    assert night.finished.publications == 1
    settled = "outcome IN ('ok', 'declined')"
    twice = f"SELECT model_requested, prompt_id, sample_index FROM raw.attempts WHERE {settled} GROUP BY ALL"
    assert night.rows(f"{twice} HAVING count(*) > 1") == []
    assert len(night.rows(twice)) == 3 * CELLS_A_MODEL


def test_the_night_is_published_and_the_dead_model_withheld_by_name(night: Night) -> None:
    assert night.rows("SELECT status, planned_cells FROM ops.waves") == [("published", len(MODELS) * CELLS_A_MODEL)]
    withheld = night.rows("SELECT model_requested FROM core.model_waves WHERE is_withheld")
    assert withheld == [("maker/gone",)]
    assert re.search(r"Withheld.*maker/gone", night.finished.done.stdout)
    assert {model for (model,) in night.rows("SELECT DISTINCT model_requested FROM core.responses")} == {*MODELS[:3]}


def test_every_call_that_the_server_counted_is_an_attempt(night: Night) -> None:
    sent = night.rows(f"SELECT model_requested, count(*) FROM raw.attempts WHERE {WAS_SENT} GROUP BY ALL")
    calls = Counter(night.stopped.books["calls_by_model"]) + Counter(night.finished.books["calls_by_model"])
    assert dict(sent) == calls
    assert calls["maker/gone"] <= 2 * 16, "in each start a dead model costs no more than what was in flight"


def test_the_wave_costs_what_the_server_charged(night: Night) -> None:
    [(cost_usd,)] = night.rows("SELECT cost_usd FROM ops.waves")
    assert cost_usd == pytest.approx(night.stopped.books["charged_usd"] + night.finished.books["charged_usd"], abs=1e-9)
    assert cost_usd > 0.001


def test_faults_are_kept_as_what_they_were(night: Night) -> None:
    classes = {
        name for (name,) in night.rows("SELECT DISTINCT error_class FROM raw.attempts WHERE error_class IS NOT NULL")
    }
    assert {"rate_limited", "bad_gateway", "connection_lost", "malformed_json", "invalid_utf8", "no_choices"} <= classes
    refused = night.rows("SELECT model_requested, outcome FROM raw.attempts WHERE error_class = 'refusal'")
    assert refused == [("maker/steady", "declined")]
    assert night.rows(f"SELECT count(*) FROM raw.attempts WHERE body = '{DEEP}'") == [(1,)]


def test_the_catalogue_is_stored(night: Night) -> None:
    listed = night.rows("SELECT model, prompt_usd, completion_usd FROM raw.catalog_models ORDER BY model")
    assert listed == [(model, 1e-6, 4e-6) for model in sorted(MODELS)]


def test_waits_are_told_and_what_was_found_is_readable(night: Night) -> None:
    assert re.search(r"waiting [\d.]+ s: 429 from .*\(model maker/faulty\)", night.finished.done.stderr)
    assert re.search(r"maker/gone is given up for this start, \d+ cells not sent: 404", night.finished.done.stderr)
    page = re.search(r"Report: (.*)", night.finished.done.stdout)
    assert page is not None
    assert Path(page.group(1)).is_file()


def test_no_secret_is_in_any_file_table_or_output(night: Night) -> None:
    [(redacted,)] = night.rows(
        "SELECT count(*) FROM raw.attempts WHERE contains(concat(body, response_text, error_message), '[redacted')"
    )
    assert redacted > 20, "the secrets never arrived"
    assert traces(SECRETS, night.nights.store, night.finished.done) == []


def test_no_part_of_a_secret_is_left_where_a_text_was_cut(night: Night) -> None:
    beginnings = [secret[:12] for secret in SECRETS if not secret.startswith("sk-or-v1")] + [KEY[:16]]
    assert traces(beginnings, night.nights.store, night.finished.done) == []


def test_a_published_night_asks_again_what_is_only_an_error_and_nothing_else(night: Night) -> None:
    store, panel, now = night.nights.store, load_panel(night.nights.panel), datetime.now(UTC)
    [(day,)] = night.rows("SELECT wave_date FROM ops.waves")
    assert nights_due(store, panel, day, now) == [DueNight(day, None)]
    plan = freeze_plan(store, panel, day, None, now, day)
    left = {question.cell.key for question in unanswered(plan, "openrouter")}
    assert left == {cell.key for cell in plan.cells if cell.model_requested == "maker/gone"}


def test_hostile_answers_are_stored_to_the_character(night: Night) -> None:
    stored = {
        text for (text,) in night.rows("SELECT response_text FROM raw.attempts WHERE model_requested = 'maker/odd'")
    }
    assert {name for name, text in TEXTS.items() if text not in stored} == set()


def steering(text: str) -> set[str]:
    """Return the control and direction characters of a text, line ends and tabs left out."""
    return {c for c in text if (unicodedata.category(c) == "Cc" and c not in "\n\t") or c in "\u202e\u202c"}


def test_nothing_a_server_said_steers_the_terminal(night: Night) -> None:
    assert steering(night.finished.done.stdout + night.finished.done.stderr) == set()
    assert r"\x1b[2J" in night.finished.done.stderr, "what is shown as an escape never arrived"
    assert not re.search(r"^ *publish +all is well", night.finished.done.stderr, re.MULTILINE), (
        "a name became a line of ours"
    )
    short = "SELECT left(response_text, 300) AS said, model_served, provider_served FROM raw.attempts"
    for form in ("table", "csv", "json"):
        shown = night.nights.run("sql", short, "--latest", "--format", form)
        assert (shown.returncode, steering(shown.stdout)) == (0, set()), form
        assert "owned" in shown.stdout


def test_no_page_runs_what_a_server_said(night: Night, tmp_path: Path) -> None:
    pages = [*night.nights.store.site.rglob("*.html"), *night.nights.store.data_docs.rglob("*.html")]
    assert len(pages) > 10
    for page in pages:
        text = page.read_text()
        assert "<script" not in text, page
        assert "<b id=owned" not in text, page
        assert steering(text) == set(), page
    assert "&lt;script&gt;" in (night.nights.store.site / "index.html").read_text(), "the script was never shown"


@pytest.mark.skipif(BROWSER is None, reason="no chromium or google-chrome on PATH: the page is not rendered")
def test_a_browser_shows_the_script_as_text(night: Night, tmp_path: Path) -> None:
    page = night.nights.store.site / "index.html"
    shown = subprocess.run(
        [
            str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--enable-logging=stderr",
            "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={tmp_path}", "--dump-dom", page.as_uri(),
        ],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert "<title>driftlake: asked" in shown.stdout
    assert "&lt;script&gt;document.title='owned'" in shown.stdout
    assert [line for line in shown.stderr.splitlines() if "CONSOLE" in line] == []
