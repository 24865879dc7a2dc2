"""The figures of every measure: their numbers are the tables', and what is missing is a sentence with its reason."""

from __future__ import annotations

import re
from html import unescape

import polars as pl
import pytest

from dashboards.comparing.moves import most_moved
from dashboards.comparing.rates import Pairing
from dashboards.figures.clusters import branches
from dashboards.figures.dots import Dot, draw_dots
from dashboards.reading import read_wave
from models_sql.cut import Cut, CutWave
from tests.dashboards.measured import ANSWERS, add_measured

SECTION = re.compile(r'<section class="figure" id="(\w+)"(.*?)</section>', flags=re.DOTALL)


def sections(html):
    """Return what each figure says without its queries, by its anchor."""
    return {name: re.sub(r"<details>.*?</details>", "", body, flags=re.DOTALL) for name, body in SECTION.findall(html)}


def said(body):
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", body)))


@pytest.fixture(scope="module")
def figures(drawn_page):
    return sections(drawn_page.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("anchor", "titles"),
    [
        # 0.38 - 0.12 and its interval of ± 0.04
        ("changes", "Against 2026-11-18 convergence rose by 0.260 [0.220, 0.300]"),
        ("trend", "Convergence moves by 2.575 (no interval) per 30 days over 4 nights; 1 change point found"),
        ("clusters", "5 models in 3 clusters (mean silhouette 0.25); apart from the largest, of 2: lab/comedian,"),
        ("groups", "Models of one provider answer more alike than models of different ones: 0.071 [0.022, 0.120]"),
        ("features", "1 of 2 tests find a feature changed, in 1 model; first lab/assistant-latest: refusal rule share"),
        ("homogeneity", "different models are alike by 0.44 [0.38, 0.50], one model asked again by 0.71 [0.65, 0.78]"),
        ("homogeneity", "2 models give 1.88 really different answers, one model asked 2 times 1.25"),
        (
            "formats",
            "Prose makes 62.5 % of the answers; the least varied in format is lab/villain, 0.44 [0.19, 0.69] bits",
        ),
        ("refusals", "Models agree on what to refuse with kappa 0.56 [0.44, 0.69] by the rule"),
        ("refusals", "classifier and rule agree least on lab/poet, 0.31 [0.19, 0.44]"),
        ("power", "This night can tell a change of 0.087 from nothing; 0.05 would need 57 prompts"),
        ("beside", "Beside our measures, never scored: length refusal 0.71; pooled divergence 0.38 bits"),
    ],
)
def test_a_title_says_the_finding_with_the_numbers_of_the_table(figures, anchor, titles):
    title = re.search(r"<h2.*?</h2>", figures[anchor], flags=re.DOTALL)[0]
    assert titles in said(title)


@pytest.mark.parametrize(
    ("anchor", "row"),
    [
        ("trend", "convergence combined 2026-11-18 0.120 0.380 2.575 (no interval) 4 3"),
        ("trend", "convergence combined cusum 2026-11-20 2026-11-21 0.195 2 2"),
        ("clusters", "1 lab/assistant-latest 0.31 87.5 % \u2013"),
        ("clusters", "3 lab/poet \u2013 \u2013 alone in its cluster"),
        ("groups", "provider (all) 0.42 [0.36, 0.48] 0.35 [0.31, 0.39] 0.071 [0.022, 0.120] 6 4 11 \u2013"),
        ("features", "refusal rule share 2026-11-18 (baseline) 0.25 0.00 -0.25 [-0.38, -0.12] 0.0030 6"),
        ("homogeneity", "semantic one model again 0.71 [0.65, 0.78] 0.03 [0.00, 0.06] 1.50 [1.25, 1.75] 2.0 6 6 90"),
        ("homogeneity", "semantic 2 1.88 [1.80, 1.95] 1.25 [1.20, 1.30] 0.62 [0.55, 0.70] 6 6 \u2013"),
        ("formats", "lab/villain 0.44 [0.19, 0.69] 62.5 % 37.5 % 12 6"),
        ("formats", "lab/assistant-latest 20 0.19 [0.06, 0.31] 0.75 6 \u2013"),
        ("refusals", "rule lab/comedian and lab/pirate 25 % 12.5 % 87.5 % 0.81 [0.69, 0.94] 6"),
        ("power", "its change since the first night 2026-11-18 6 6 0.0875 0.0312 0.0100 0.0200 57 prompts enough"),
        ("beside", "truthfulness 0.375 0.250 0.500 1.250 2 100"),
        # the assistant's drift from its baseline is 0.31 + 0.12 + 0.04; all three kernels alarmed
        (
            "drift",
            "truthfulness 2026-11-18 (baseline) 0.470 0.0040 0.0009 6 all three identity",
        ),
    ],
)
def test_a_row_holds_the_numbers_of_the_table_with_interval_and_n(figures, anchor, row):
    assert row in said(figures[anchor])


def test_every_figure_states_n_interval_units_and_its_query(drawn_page):
    for anchor, body in SECTION.findall(drawn_page.read_text(encoding="utf-8")):
        assert "<pre" in body, anchor
        if "<svg" in body:
            assert "role-axis" in body, anchor
            assert 'aria-label="' in body, anchor
        note = said(re.search(r'<p class="note">(.*?)</p>', body, flags=re.DOTALL)[1])
        if "<svg" in body and anchor != "completeness":  # counts of cells: a census
            assert "n = " in note, anchor
            assert re.search("interval|noise", note, flags=re.IGNORECASE), anchor


def test_without_any_measure_each_figure_is_a_sentence_with_its_reason(page_of):
    bodies = sections(page_of(n_nights=1))
    for anchor, reason in (
        ("changes", "No earlier night of this battery shares a scored pair of models with it."),
        ("trend", "A slope needs at least 3 nights of one battery"),
        ("drift", "the first night of a battery has none."),
        ("features", "No model was asked the same prompts under the same configuration on an earlier night."),
        ("clusters", "No tree: no model of this night is in a tree."),
        ("groups", "No scored model declares a provider, family, architecture, region or open weights."),
        ("homogeneity", "No homogeneity: the tables hold no row of this night."),
        ("formats", "No entropy: the table holds no row of this night."),
        ("refusals", "No kappa: the table holds no row of this night."),
        ("power", "Power needs the standard error of a scored night, and so at least 3 models."),
        ("beside", "No two models of this night answered"),
    ):
        assert "not enough data" in said(bodies[anchor]), anchor
        assert reason in said(bodies[anchor]), anchor
        assert "<svg" not in bodies[anchor], anchor
        assert "<table" not in bodies[anchor], anchor


@pytest.mark.parametrize("how", ["absent", "null"])
def test_a_battery_without_a_number_over_all_capabilities_is_drawn_and_says_so(page_of, how):
    """A capability of one prompt has no number, and what is over all capabilities then has none."""
    scores = {"convergence", "match", "chance", "ceiling", "change", "drift", "noise", "p_value", "p_adjusted"}
    scores |= {"ci_low", "ci_high", "detectable_difference"}

    def forget(rows):
        add_measured(rows)
        rows["out.convergence_change"] += [row | {"capability": "facts"} for row in rows["out.convergence_change"]]
        for some in rows.values():
            whole = [row for row in some if row.get("capability") == "overall"]
            for row in whole:
                some.remove(row) if how == "absent" else row.update(dict.fromkeys(scores & set(row)))

    figures = sections(page_of(change=forget))
    changes, power, models = (said(figures[name]) for name in ("changes", "power", "models"))
    assert "Change of convergence by capability; over all capabilities there is none" in changes
    assert "n = up to 6 models, 6 prompts a capability. No change over all capabilities" in changes
    assert "facts" in changes
    assert "overall. The standard error" not in power
    assert "No model has a score over all capabilities." in models


def test_one_sample_a_prompt_leaves_repetition_out_with_the_tables_reason(page_of):
    def single(rows):
        add_measured(rows)
        unknown = dict.fromkeys(("mean_kernel", "ci_low", "ci_high", "effective_answers"))
        for row in rows["out.homogeneity"]:
            if row["measure"] == "repetition":
                row.update(unknown, reason="no prompt with two samples of one model")
        rows["out.homogeneity_bins"] = [r for r in rows["out.homogeneity_bins"] if r["measure"] == "similarity"]
        for row in rows["out.homogeneity_ensemble"]:
            row.update(n_answers=None, difference=None, models_effective=None, reason="one sample a prompt")

    body = sections(page_of(change=single))["homogeneity"]
    assert "To one prompt different models are alike by 0.44 [0.38, 0.50] (semantic) " in said(body)
    assert "No semantic repetition: no prompt with two samples of one model." in said(body)
    assert "semantic repetition</text>" not in body  # no empty axes


def test_single_answers_are_drawn_as_drift_from_the_pool(page_of):
    def pool(rows):
        rows["out.drift_by_model"] = [
            row | {"reference_kind": "pool", "method": "pool", "n_waves": 3}
            for row in rows["out.drift_by_model"]
            if row["reference_kind"] == "previous"
        ]

    body = sections(page_of(change=pool))["drift"]
    assert "drift from the pool of earlier nights by night (staged); alarms: 2026-11-19 lab/assistant-latest" in body
    assert "tested against a pool of the model" in said(body)


def test_the_prompts_that_moved_most_stand_with_both_answers(figures):
    # p00: within both nights the kernel is 1, between them 0: shift 1. p01: 4 of 5 tokens shared, cosine 0.6:
    # 0.4 * 0.6 + 0.6 * 0.8 = 0.72, shift 0.28. p02 did not change.
    shown = said(figures["drift"])
    first, second = (shown.index(text) for text in ("prompt p00 (truthfulness): shift 1.000", "prompt p01"))
    assert first < second
    assert "shift 0.280; 2 prompts of this model answered differently" in shown
    assert (
        "Then, 2026-11-20, the first of 2 answers a b c d e Now, 2026-11-21, the first of 2 answers v w x y z" in shown
    )
    assert "prompt p02" not in shown


def test_the_shown_prompts_are_those_that_compare_names(in_memory):
    connection = in_memory(change=add_measured)
    then, now = "local/2026-11-20", "local/2026-11-21"
    shown = read_wave(connection, now).frame("moved_prompts")
    cut = Cut(connection, [CutWave(then, then, "local"), CutWave(now, now, "local")])
    model = "lab/assistant-latest"
    named = most_moved(cut, [Pairing(model, then, model, now, model)], 3, named=False)
    assert shown["prompt_id"].to_list() == [row.prompt_id for row in named.moved] == ["p00", "p01"]
    assert shown["shift"].to_list() == pytest.approx([row.shift for row in named.moved], abs=1e-6)
    assert shown["distance"].to_list() == pytest.approx([row.distance for row in named.moved], abs=1e-6)


def test_hostile_and_endless_answers_are_cut_visibly_and_inert(page_of):
    hostile = "<script>alert(1)</script>\u202e\x1b[31m" + "word " * 2000

    def poison(rows):
        add_measured(rows)
        for row in rows["core.responses"]:
            if row["response_text"] == ANSWERS["p00"][1][0]:
                row["response_text"] = hostile

    html = page_of(change=poison)
    assert "<script" not in html
    assert "\u202e" not in html
    assert "\x1b" not in html
    shown = said(sections(html)["drift"])
    assert "<script>alert(1)</script>" in shown
    assert f"… [900 of {len(hostile):,} characters]" in shown
    assert len(html) < 700_000


def test_the_tree_joins_branches_at_the_distance_of_the_pairs_across_them():
    # a and b join at .4 between places 0 and 1, so c joins their middle, 0.5, at .7
    pairs = pl.DataFrame(
        {
            "model_a": ["a", "a", "b"],
            "model_b": ["c", "b", "c"],
            "joined_at": [0.7, 0.4, 0.7],
            "same_cluster": [False, True, False],
        }
    )
    first, second = branches({"a": 0.0, "b": 1.0, "c": 2.0}, pairs)
    assert first == (0.4, (0.0, 1.0), (0.0, 0.0), True)
    assert second == (0.7, (0.5, 2.0), (0.4, 0.0), False)


def test_dots_of_one_name_share_it_and_their_words_hold_every_number():
    chart = draw_dots([Dot("a", 0.25, 0.125, 0.5), Dot("a", 0.5), Dot("b", -0.25)], "Dots", "", "x")
    assert chart.svg.count(">a</text>") == 1
    assert chart.label == "Dots: a 0.25 [0.12, 0.50]; a 0.50 (no interval); b -0.25 (no interval)."
