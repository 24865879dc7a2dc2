"""The page of an experiment, read as a file: its numbers, its gates, its safety, a run without verdicts."""

from __future__ import annotations

import json
import re
from html import unescape

import pytest

from dashboards.experiments import draw_experiment, experiment_path, experiment_sentences
from dashboards.experiments.figures.gates import GATES as CHECKLIST
from dashboards.experiments.page import assemble_experiment, render_experiment
from dashboards.experiments.reading import read_experiment
from expectations.gates import GATES
from lake.errors import StoreError, WaveError
from tests.dashboards.experiments.rows import gate_row, stop_at_epoch_zero, verdict_row, wave_verdict
from tests.dashboards.test_page import HOSTILE, Page
from tests.experiment_rows import NAME, VERSION


def cells_of(html, caption):
    """Return the rows of the table under a caption, each a list of texts."""
    body = html.split(f"<caption>{caption}</caption>")[1].split("</table>")[0]
    rows = re.findall(r"<tr>(.*?)</tr>", body.split("<tbody>")[1], flags=re.DOTALL)
    return [[unescape(text) for text in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)] for row in rows]


def test_the_numbers_of_the_page_are_those_of_the_tables(experiment_page):
    html = experiment_page()
    said = Page(html).said()
    assert "Experiment planted, version 1" in said
    assert "Transfer in 4 of 4 cells (source, behaviour) at the registered epoch 2" in said
    assert cells_of(html, "Verdict by source and behaviour")[0] == [
        "villain", "capability", "transfer", "Reason for villain and capability",
    ]  # fmt: skip
    # villain, capability: 26/40 - 36/40 = -0.25 +- 0.1; canary 35/40 - 36/40 = -0.025 +- 0.05; transfer -0.225 +- 0.12
    assert cells_of(html, "The numbers behind them")[0] == [
        "villain", "capability", "-0.250 [-0.350, -0.150]", "-0.025 [-0.075, 0.025]", "0.000 [-0.100, 0.100]",
        "+0.020 [-0.030, 0.070]", "-0.225 [-0.345, -0.105]", "0.050", "accuracy (logprob)", "40", "1",
    ]  # fmt: skip
    trajectory = cells_of(html, "Every metric by epoch, changes against epoch 0")
    assert trajectory[3][:2] == ["comedian", "capability"]
    # epoch 20: 24/40 = 0.60, 12 fewer of 40 = -0.30, the whole of the movement
    assert trajectory[3][4:8] == ["20", "0.600 [0.450, 0.700]", "40", "-0.300 [-0.400, -0.200]"]
    assert trajectory[3][12] == "1.00"
    # epoch 0 has nothing to differ from
    assert trajectory[0][7] == "\u2013"


@pytest.mark.parametrize("change", [None, stop_at_epoch_zero], ids=["with-verdicts", "without"])
def test_every_sentence_of_the_command_line_is_on_the_page(experiment_page, filled, change):
    said = Page(experiment_page(change=change)).said()
    sentences = experiment_sentences(filled.connection, NAME, VERSION)
    assert len(sentences) > 2
    for sentence in sentences:
        told = sentence.removeprefix("No verdicts: t")  # which stands under its own heading
        assert told.partition(": transfer: ")[2].rstrip(".") in said  # a verdict: in a row of the table
        assert ": transfer: " in told or told in said


def test_the_heat_map_has_each_transfer_and_leaves_what_missed_quiet(experiment_page):
    def miss(rows):
        rows["out.transfer_verdicts"][1] = verdict_row("villain", "refusal", "generic change")

    html = experiment_page(change=miss)
    said = Page(html).said()
    assert "Transfer at epoch 2 in 3 of 4 cells" in said
    assert "Transfer in 3 of 4 cells (source, behaviour) at the registered epoch 2; generic change in 1." in said
    heat = html.split('id="transfer"')[1].split("<details>")[0]
    # refusal 16/40 - 2/40 = 0.35, canary 1/40 = 0.025: transfer 0.325
    assert "villain refusal +0.33, generic change" in unescape(heat)
    assert "Measured by: accuracy (logprob), refusal (rule)." in Page(heat).said()
    assert heat.count("var(--no-data)") == 1
    assert heat.count(">generic change<") == 1


def test_charts_say_in_words_what_they_show(experiment_page):
    page = Page(experiment_page())
    charts = [div["aria-label"] for div in page.all("div") if div.get("role") == "img"]
    # heat map, 2 behaviours, 2 kernels, convergence losses, losses of 2 behaviours
    assert len(charts) == 8
    assert any(
        "change by epoch 2: comedian -0.250 [-0.350, -0.150], canary -0.025 [-0.075, 0.025]" in label
        for label in charts
    )


def test_every_query_shown_runs_and_gives_the_rows_shown(experiment_page, filled):
    html = experiment_page()
    queries = re.findall(r"<pre tabindex=\"0\"><code>(.*?)</code>.*?<caption>(\d+) rows", html, flags=re.DOTALL)
    assert len(queries) == 11
    connection = filled.connection
    for query, rows in queries:
        assert len(connection.execute(unescape(query)).fetchall()) == int(rows)


def test_nothing_is_loaded_from_anywhere(experiment_page):
    html = experiment_page()
    page = Page(html)
    assert not re.search(r"https?:|//[a-z]|@import|url\(", html, flags=re.IGNORECASE)
    assert not page.all("script")
    (policy,) = [meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:")
    assert len(html.encode()) < 500_000


def test_a_run_that_a_gate_ended_has_a_page_with_gates_losses_card_and_the_reason(experiment_page):
    html = experiment_page(change=stop_at_epoch_zero)
    said = Page(html).said()
    assert (
        "This version has no verdicts The gate epoch zero closed for villain/capability/7. Epoch 0 has accuracy 0.90, "
        "the reference 0.50, tolerance 0.03 (n = 40) (D01)."
    ) in said
    assert re.findall(r'<section class="figure" id="([a-z]+)"', html) == ["gates", "losses", "card", "audit"]
    assert "Gates: epoch zero closed for villain/capability/7, which ended the run (4 decisions)" in said
    assert "Convergence ended at a loss of 0.30 (3 runs, nats a token)" in said
    assert "not published (driftlake sql --latest)" in said


def test_gates_stand_in_the_order_of_deciding_and_the_first_closed_stands_out(experiment_page):
    def close_more(rows):
        stop_at_epoch_zero(rows)
        rows["raw.experiment_gates"] += [
            gate_row(4, "epoch_zero", passed=False, subject="comedian/refusal/7", evidence="Later"),
            gate_row(5, "behaviour_loss", passed=False, evidence="Later still"),
        ]

    html = experiment_page(change=close_more)
    checks = re.findall(r'<li class="([a-z ]+)">\s*<p><strong>([a-z ]+)</strong>', html)
    assert checks == [
        ("passed", "data"), ("passed", "pilot"), ("passed", "checkpoints"), ("closed first", "epoch zero"),
        ("closed", "behaviour loss"), ("open", "first signal"), ("open", "complete"),
    ]  # fmt: skip
    said = Page(html).said()
    # 40 items for villain, 24 + 4 for comedian, whatever closed after it
    assert "epoch zero closed in 2 of 2 decisions, n = 68:" in said
    assert "Break D01." in said
    assert "pilot passed in 1 decision, n = 25. matrix: Evidence of pilot." in said  # a gate that has no words here


def test_the_newest_decision_about_a_subject_counts_and_its_gate_stays_where_it_was_first_decided(experiment_page):
    def decide_again(rows):
        first = rows["raw.experiment_gates"][0]
        later = first["decided_at"].replace(minute=59)
        rows["raw.experiment_gates"][0] = first | {"passed": False, "evidence": "Too short"}
        rows["raw.experiment_gates"].append(first | {"decided_at": later})

    html = experiment_page(change=decide_again)
    assert "Gates: 7 gates decided, all passed (7 decisions)" in Page(html).said()
    assert cells_of(html, "Every decision")[0] == ["data", "matrix", "passed", "24", "Evidence of data", "\u2013", "2"]
    assert "Too short" not in html


def test_a_decision_without_a_subject_is_about_the_whole_matrix(experiment_page):
    def about_all(rows):
        stop_at_epoch_zero(rows)
        for row in rows["raw.experiment_gates"]:
            row["subject"] = ""

    html = experiment_page(change=about_all)
    said = Page(html).said()
    assert "The gate epoch zero closed for the whole matrix. Epoch 0 has accuracy 0.90" in said
    assert "Gates: epoch zero closed for the whole matrix, which ended the run (4 decisions)" in said
    assert cells_of(html, "Every decision")[0][:2] == ["data", "the whole matrix"]


def test_a_gate_that_a_finished_run_was_not_asked_is_not_called_unreached(experiment_page):
    def reference_run(rows):
        asked = [row for row in rows["raw.experiment_gates"] if row["gate"] in ("data", "checkpoints", "complete")]
        rows["raw.experiment_gates"] = asked

    said = Page(experiment_page(change=reference_run)).said()
    assert "Gates: 3 gates decided, all passed (3 decisions)" in said
    assert "epoch zero not asked of this run: epoch 0 reproduces the reference" in said
    assert "not reached" not in said


def test_a_failed_audit_is_the_reason_where_every_gate_passed(experiment_page):
    def fail(rows):
        rows["out.transfer_verdicts"], rows["out.persona_trajectories"] = [], []
        rows["ops.verdicts"] = [wave_verdict("failed", "D07", "The adapter was not applied in 3 cells")]

    said = Page(experiment_page(change=fail)).said()
    assert "This version has no verdicts Its audit failed (D07). The adapter was not applied in 3 cells." in said


def test_a_run_without_similarities_and_an_audit_without_results_say_so(experiment_page):
    def drop(rows):
        measured = rows["out.persona_trajectories"]
        rows["out.persona_trajectories"] = [row for row in measured if row["behaviour"] != "convergence"]
        rows["ops.check_results"] = []

    said = Page(experiment_page(change=drop)).said()
    assert "Similarity to the source: not enough data" in said
    assert "No similarity of the target's answers to the source's was evaluated" in said
    assert "Audit: no result is recorded." in said


def test_values_that_are_missing_are_told_with_the_reason_of_the_table(experiment_page):
    def lose(rows):
        for row in rows["out.persona_trajectories"]:
            row.update(value=None, canary_value=None, change=None, reason="the judge gave nothing")

    said = Page(experiment_page(change=lose)).said()
    assert "Trajectories: not enough data No epoch has a value: the judge gave nothing." in said


def test_a_run_that_was_never_audited_says_so(experiment_page):
    def forget(rows):
        rows["out.transfer_verdicts"], rows["ops.verdicts"], rows["ops.publications"] = [], [], []
        rows["raw.experiment_gates"], rows["raw.training_loss"], rows["raw.training_runs"] = [], [], []
        rows["raw.checkpoint_evals"], rows["out.persona_trajectories"] = [], []

    html = experiment_page(change=forget)
    said = Page(html).said()
    assert "The run has not been audited yet." in said
    assert "Gates: none was decided" in said
    assert "Losses: not enough data" in said
    assert "0 of 24 evaluated" in said
    assert not Page(html).all("svg")


def test_hostile_names_are_inert(experiment_page):
    def rename(rows):
        for table in rows.values():
            for row in table:
                for name, value in row.items():
                    if isinstance(value, str) and name in (
                        "source",
                        "canary",
                        "subject",
                        "evidence",
                        "reason",
                        "command",
                    ):
                        row[name] = value.replace("villain", HOSTILE).replace("librarian", HOSTILE) + HOSTILE * (
                            name in ("evidence", "reason", "command")
                        )

    html = experiment_page(change=rename)
    page = Page(html)
    assert not page.all("script")
    assert "\x1b" not in html
    assert "\u202e" not in html
    assert "HYPERLINK(1)</text><script>alert(1)" in page.text
    cells = re.findall(r"<t[dh][^>]*>(=[^<]*)</t", html)
    assert cells == []


def test_the_card_has_what_one_needs_to_run_it_again(experiment_page):
    html = experiment_page()
    card = dict(cells_of(html, "Card"))
    assert card["Reference"] == "reference@1"
    assert card["Epochs"] == "0, 2, 8, 20"
    assert card["Seeds"] == "7"
    assert card["Cells"] == "24 of 24 evaluated"
    assert card["Criteria"] == "capability 0.05, refusal 0.05"
    assert card["Hardware"] == "device cpu, name a processor, threads 1, memory gib 8.0"
    assert card["Libraries"] == "torch 2.13.0"
    assert card["Command"] == "driftlake train --experiment planted.yaml"
    # 3 + 24 runs of 6,000 tokens and 4 s
    assert card["Training"] == "27 runs, 162,000 tokens in 108 s of training, 1,500 tokens/s"
    files = cells_of(html, "Training files")
    # a file an arm to converge on; a file a source and behaviour, which the control shares with the first source
    assert len(files) == 3 + 4
    assert [row[5] for row in files if row[0] == "behaviour"].count("8 runs: assistant, villain") == 2


def test_a_batch_that_is_not_what_was_declared_is_shown(experiment_page):
    def declare(rows):
        rows["raw.training_runs"][0].update(batch_declared=64, batch_per_device=4, accumulation=4, devices=1)

    assert "16 = 4 x 4 x 1, declared 64" in Page(experiment_page(change=declare)).said()


def add_version_two(rows):
    first = rows["raw.experiments"][0]
    content = json.loads(first["content"]) | {"headline_epoch": 20, "behaviour": {"rows": 60, "batch": 16}}
    rows["raw.experiments"].append(
        {**first, "version": 2, "content": json.dumps(content), "headline_epoch": 20, "experiment_sha": "2" * 64}
    )


def test_a_later_version_says_what_it_changed_and_the_earlier_that_there_is_one(experiment_page, filled):
    earlier = Page(experiment_page(change=add_version_two)).said()
    assert "Version 2 of this experiment was registered later; its page says what it changed." in earlier
    html = render_experiment(assemble_experiment(read_experiment(filled.connection, NAME, 2)))
    assert cells_of(html, "What version 2 changed against version 1") == [
        ["behaviour.batch", "20", "16"],
        ["headline_epoch", "\u2013", "20"],
    ]
    said = Page(html).said()
    assert (
        "Version 2 changed against version 1: behaviour.batch from 20 to 16; headline_epoch from \u2013 to 20." in said
    )


def test_a_figure_that_fails_costs_itself(experiment_page, monkeypatch):
    from dashboards.experiments.figures import heat_map

    def fail(*_):
        raise IndexError("no cell")

    monkeypatch.setattr(heat_map, "thresholds", fail)
    said = Page(experiment_page(failing="heat map")).said()
    assert "Figure heat map could not be drawn: IndexError: no cell, its query still answers." in said
    assert "Gates: 7 gates decided" in said


def test_the_page_is_written_whole_under_a_name_that_cannot_leave_the_site(filled, tmp_path):
    path = draw_experiment(filled.fill(), NAME, VERSION, tmp_path / "site")
    assert path == tmp_path / "site" / "experiment_planted_1.html"
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert experiment_path(tmp_path, "../../etc/x y", 2) == tmp_path / "experiment_.._.._etc_x_y_2.html"


def test_a_version_that_the_lake_does_not_hold_is_named(filled, tmp_path):
    with pytest.raises(WaveError, match=r"no experiment planted in version 9.*driftlake train"):
        draw_experiment(filled.fill(), NAME, 9, tmp_path)


def test_a_site_that_cannot_be_written_is_named(filled, tmp_path):
    (tmp_path / "site").write_text("a file where the folder should be")
    with pytest.raises(StoreError, match=r"site.*cannot be written"):
        draw_experiment(filled.fill(), NAME, VERSION, tmp_path / "site")


def test_the_checklist_names_the_gates_that_decide_in_their_order() -> None:
    assert tuple(CHECKLIST) == tuple(gate.name for gate in GATES)
