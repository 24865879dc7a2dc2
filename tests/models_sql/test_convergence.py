"""Convergence against numbers worked by hand, against a second implementation, and the properties it must have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from models_sql.cut import Cut
from tests.models_sql import second_opinion
from tests.models_sql.scenarios import REFUSALS, SAFETY, TRUTH, newcomer, sampled

if TYPE_CHECKING:
    from tests.models_sql.conftest import BuiltLake
    from tests.models_sql.small_lakes import SmallWave

# The semantic kernel comes from vectors stored as 32-bit floats.
NEAR = 1e-6


def pairs(built: BuiltLake, wave_id: str, columns: str = "match, chance, convergence") -> dict[tuple[str, ...], Any]:
    rows = built.rows(
        f"SELECT capability, kernel, model_a, model_b, {columns} FROM out.convergence_by_pair "
        f"WHERE wave_id = '{wave_id}'"
    )
    return {row[:4]: row[4:] for row in rows}


def answers_of(wave: SmallWave, capability: str) -> second_opinion.Answers:
    found: second_opinion.Answers = {}
    for (model, prompt, _), text in wave.answers.items():
        if text is not None and wave.prompts[prompt] == capability:
            found.setdefault(model, {}).setdefault(prompt, []).append(text)
    return found


@pytest.mark.parametrize("kernel", ["semantic", "distributional", "combined"])
def test_three_models_and_five_prompts_give_what_is_worked_out_by_hand(built: BuiltLake, kernel: str) -> None:
    found = pairs(built, "hand/2026-01-01", "n_prompts, match, chance, convergence")
    # Answers to different prompts share `the`, one word of five: chance = .2.
    # ann, bob: 1 on three prompts, .6 on two: match = (3 + 1.2) / 5 = .84; (.84 - .2) / (1 - .2) = .8
    assert found[TRUTH, kernel, "ann", "bob"] == (5, pytest.approx(0.84), pytest.approx(0.2), pytest.approx(0.8))
    # cat shares `the` with anyone: match = chance = .2, convergence 0
    for pair in (("ann", "cat"), ("bob", "cat")):
        assert found[TRUTH, kernel, *pair] == (5, *(pytest.approx(x, abs=NEAR) for x in (0.2, 0.2, 0)))
    # the battery has one capability, so overall is that one
    assert found["overall", kernel, "ann", "bob"] == (5, *(pytest.approx(x) for x in (0.84, 0.2, 0.8)))


@pytest.mark.parametrize("kernel", ["semantic", "distributional", "combined"])
def test_a_score_is_the_mean_over_pairs(built: BuiltLake, kernel: str) -> None:
    of_model = built.rows(
        "SELECT model, n_models, convergence FROM out.convergence_by_model "
        f"WHERE wave_id = 'hand/2026-01-01' AND kernel = '{kernel}' AND capability = 'overall' ORDER BY model"
    )
    # ann: (.8 + 0) / 2, bob the same, cat 0
    assert of_model == [
        ("ann", 2, pytest.approx(0.4)),
        ("bob", 2, pytest.approx(0.4)),
        ("cat", 2, pytest.approx(0, abs=NEAR)),
    ]
    of_wave = built.rows(
        "SELECT n_models, n_pairs, n_prompts, convergence FROM out.convergence_by_wave "
        f"WHERE wave_id = 'hand/2026-01-01' AND kernel = '{kernel}' AND capability = 'overall'"
    )
    assert of_wave == [(3, 3, 5, pytest.approx(0.8 / 3))]


@pytest.mark.parametrize("kernel", ["semantic", "distributional"])
@pytest.mark.parametrize("capability", [TRUTH, SAFETY])
def test_a_ragged_panel_agrees_with_the_definitions_written_out(built: BuiltLake, kernel: str, capability: str) -> None:
    wave = sampled(0, seed=1)
    expected = second_opinion.pair_parts(kernel, capability, answers_of(wave, capability), built.axes.vector)
    found = pairs(built, wave.wave_id)
    assert len(expected) == 6
    for pair, (match, links) in expected.items():
        assert found[capability, kernel, *pair] == (
            pytest.approx(sum(match.values()) / len(match), abs=NEAR),
            pytest.approx(sum(k for _, _, k in links) / len(links), abs=NEAR),
            pytest.approx(second_opinion.convergence(match, links), abs=NEAR),
        )


def test_short_answers_leave_the_distributional_kernel_only(built: BuiltLake) -> None:
    wave = sampled(0, seed=1)
    lengths = [len(text.split()) for text in wave.answers.values() if text is not None]
    assert any(length < 5 for length in lengths)
    short = {key[:2] for key, text in wave.answers.items() if text is not None and len(text.split()) < 5}
    both_short = {
        (model, prompt)
        for model, prompt in short
        if all(len((wave.answers[model, prompt, s] or "a").split()) < 5 for s in range(2))
    }
    answered = {key[:2] for key, text in wave.answers.items() if text is not None}
    readable = answered - both_short
    for kernel, cells in (("semantic", answered), ("distributional", readable)):
        found = pairs(built, wave.wave_id, "n_prompts")
        shared = [p for p, c in wave.prompts.items() if c == TRUTH and {("beta", p), ("delta", p)} <= cells]
        assert found[TRUTH, kernel, "beta", "delta"] == (len(shared),)


def test_ceiling_and_relative_come_from_what_a_model_repeats(built: BuiltLake) -> None:
    wave = sampled(0, seed=1)
    answers = answers_of(wave, SAFETY)
    kernel = second_opinion.semantic(built.axes.vector)
    both = [p for p in answers["alpha"] if len(answers["alpha"][p]) == len(answers["beta"][p]) == 2]
    repeats = [sum(kernel(*answers[model][p]) for p in both) / len(both) for model in ("alpha", "beta")]
    ceiling = (repeats[0] * repeats[1]) ** 0.5
    match, chance, found_ceiling, relative = pairs(built, wave.wave_id, "match, chance, ceiling, relative")[
        SAFETY, "semantic", "alpha", "beta"
    ]
    assert len(both) >= 30
    assert found_ceiling == pytest.approx(ceiling, abs=NEAR)
    assert relative == pytest.approx((match - chance) / (ceiling - chance), abs=1e-5)

    distributional = pairs(built, wave.wave_id, "ceiling")[SAFETY, "distributional", "alpha", "beta"]
    readable = [p for p in both if all(second_opinion.frequencies(x) for m in ("alpha", "beta") for x in answers[m][p])]
    means = [
        sum(second_opinion.distributional(*answers[m][p]) for p in readable) / len(readable) for m in ("alpha", "beta")
    ]
    assert distributional == (pytest.approx(sum(means) / 2),)


def test_a_ceiling_hardly_above_chance_gives_no_relative(built: BuiltLake) -> None:
    match, chance, ceiling, relative = pairs(built, "unrepeatable/2026-01-01", "match, chance, ceiling, relative")[
        TRUTH, "distributional", "first", "second"
    ]
    # samples repeat one word of six on one prompt of 31: 1 / 6 / 31 = .0054, below .01
    assert (chance, ceiling) == (0, pytest.approx(1 / 6 / 31))
    # two of four pairs of samples are equal; the others share that one word: (31 x 2 + 2 / 6) / (31 x 4)
    assert match == pytest.approx((62 + 1 / 3) / 124)
    assert relative is None


def test_one_sample_a_prompt_has_no_ceiling(built: BuiltLake) -> None:
    assert set(pairs(built, "hand/2026-01-01", "ceiling, relative").values()) == {(None, None)}


def test_combined_is_four_tenths_semantic_and_six_tenths_distributional(built: BuiltLake) -> None:
    found = pairs(built, "sampled/2026-01-01")
    for (capability, kernel, *pair), values in found.items():
        if kernel == "combined":
            parts = zip(found[capability, "semantic", *pair], found[capability, "distributional", *pair], strict=True)
            assert values == pytest.approx([0.4 * s + 0.6 * d for s, d in parts])


def test_overall_is_the_mean_of_the_capabilities(built: BuiltLake) -> None:
    found = pairs(built, "sampled/2026-01-01", "convergence")
    for (capability, *rest), values in found.items():
        if capability == "overall":
            assert values[0] == pytest.approx((found[TRUTH, *rest][0] + found[SAFETY, *rest][0]) / 2)


@pytest.mark.parametrize(
    ("panel", "expected", "tolerance"),
    [
        pytest.param("identical", 1.0, NEAR, id="identical answers"),
        # matches are 0; links that happen to meet the shifted answer give a chance a little above 0
        pytest.param("permuted", 0.0, 0.06, id="permuted prompts"),
        pytest.param("half-permuted", 0.5, 0.03, id="half permuted"),
    ],
)
def test_convergence_follows_how_many_prompts_agree(
    built: BuiltLake, panel: str, expected: float, tolerance: float
) -> None:
    for kernel in ("semantic", "distributional", "combined"):
        ((found,),) = built.rows(
            f"SELECT convergence FROM out.convergence_by_pair WHERE panel = '{panel}' AND kernel = '{kernel}' "
            "AND capability = 'overall'"
        )
        assert found == pytest.approx(expected, abs=tolerance), kernel


@pytest.mark.parametrize("n_words", REFUSALS)
def test_one_text_for_everything_has_no_convergence_instead_of_noise(built: BuiltLake, n_words: int) -> None:
    found = pairs(built, f"refusing-{n_words}/2026-01-01")
    for kernel in ("semantic", "distributional", "combined"):
        match, chance, convergence = found[SAFETY, kernel, "first", "second"]
        # one text everywhere: match = chance = 1, so nothing is left to compare
        assert (match, chance) == (pytest.approx(1, abs=NEAR), pytest.approx(1, abs=NEAR))
        assert convergence is None
        assert found["overall", kernel, "first", "second"][2] is None
        # the other capability is answered in earnest and keeps its number: match 5/6, chance 4/6, so .5
        assert found[TRUTH, kernel, "first", "second"] == tuple(pytest.approx(x, abs=NEAR) for x in (5 / 6, 4 / 6, 0.5))


@pytest.mark.parametrize("table", ["convergence_by_pair", "convergence_by_model", "convergence_by_wave"])
def test_row_order_and_loads_repeated_change_no_digit(built: BuiltLake, table: str) -> None:
    columns = "COLUMNS(c -> c NOT IN ('wave_id', 'panel'))"
    plain, shuffled = (
        built.rows(
            f"SELECT {columns} FROM out.{table} WHERE panel = '{panel}' AND wave_date = '2026-01-01' ORDER BY ALL"
        )
        for panel in ("sampled", "shuffled")
    )
    assert plain and plain == shuffled


def test_the_order_of_names_changes_no_digit(built: BuiltLake) -> None:
    names = {"zeta": "alpha", "yota": "beta", "xi": "gamma", "chi": "delta"}
    renamed = {
        (capability, kernel, *sorted((names[a], names[b]))): values
        for (capability, kernel, a, b), values in pairs(built, "renamed/2026-01-01").items()
    }
    assert renamed == pairs(built, "sampled/2026-01-01")


@pytest.mark.parametrize("table", ["convergence_by_pair", "convergence_by_model", "convergence_by_wave"])
def test_withheld_models_and_canaries_change_nobodys_digits(built: BuiltLake, table: str) -> None:
    columns = "COLUMNS(c -> c NOT IN ('wave_id', 'panel'))"
    plain, with_more = (
        built.rows(f"SELECT {columns} FROM out.{table} WHERE panel = '{panel}' ORDER BY ALL")
        for panel in ("hand", "withheld")
    )
    assert plain and plain == with_more


def test_a_model_that_joins_moves_the_wave_but_not_the_matched_change(built: BuiltLake) -> None:
    assert newcomer().wave_id == "sampled/2026-01-03"
    scores = dict(
        built.rows(
            "SELECT wave_date::varchar, convergence FROM out.convergence_by_wave "
            "WHERE panel = 'sampled' AND capability = 'overall' AND kernel = 'combined'"
        )
    )
    assert scores["2026-01-03"] != pytest.approx(scores["2026-01-02"], abs=0.01)
    rows = built.rows(
        "SELECT change, n_models, unmatched_models, unmatched_prompts FROM out.convergence_change "
        "WHERE wave_id = 'sampled/2026-01-03' AND reference_kind = 'previous' AND capability = 'overall'"
    )
    # the other models gave the same answers as the day before
    assert rows == [(0.0, 4, "omega", None)] * 3


def test_change_is_measured_on_what_was_answered_in_both_waves(built: BuiltLake) -> None:
    then, now = sampled(0, seed=1), sampled(1, seed=2)
    expected = {}
    for wave, other in ((now, then), (then, now)):
        scores = []
        for capability in (TRUTH, SAFETY):
            mine, theirs = answers_of(wave, capability), answers_of(other, capability)
            matched = {m: {p: texts for p, texts in mine[m].items() if p in theirs[m]} for m in mine}
            parts = second_opinion.pair_parts("semantic", capability, matched, built.axes.vector)
            scores.append(sum(second_opinion.convergence(*part) for part in parts.values()) / len(parts))
        expected[wave.wave_id] = sum(scores) / 2
    ((convergence, reference, change),) = built.rows(
        "SELECT convergence, reference_convergence, change FROM out.convergence_change "
        f"WHERE wave_id = '{now.wave_id}' AND reference_kind = 'first' "
        "AND capability = 'overall' AND kernel = 'semantic'"
    )
    assert convergence == pytest.approx(expected[now.wave_id], abs=NEAR)
    assert reference == pytest.approx(expected[then.wave_id], abs=NEAR)
    assert change == pytest.approx(convergence - reference)


SAID = {"a": "one", "b": "one", "c": "three", "z": "three"}
"""Whose words each model says to every prompt: a and b the same, c and z the same but for three prompts."""


def change_of(tonight: dict[tuple[str, int], str | None]) -> list[tuple[Any, ...]]:
    """Return the distributional change between two nights of 30 prompts; `tonight` replaces texts (None: too short)."""
    long = {
        (night, model, n): " ".join(
            f"{'other' if model == 'z' and n < 3 else SAID[model]}{n}x{word}" for word in range(6)
        )
        for night in (1, 2)
        for model in SAID
        for n in range(30)
    }
    for (model, n), text in tonight.items():
        long[2, model, n] = text or "too short"
    texts = {text: key for key, text in enumerate(dict.fromkeys(long.values()), 1)}
    cut = Cut(duckdb.connect(), [])
    answers = ", ".join(f"('w{night}', '{m}', 'p{n:02d}', {texts[text]})" for (night, m, n), text in long.items())
    cut.replace(
        "measured_answers",
        f"SELECT *, '{TRUTH}' AS capability, 0 AS sample_index "
        f"FROM (VALUES {answers}) AS t (wave_id, model, prompt_id, text_key)",
    )
    told = ", ".join(f"({key}, {text.split()})" for text, key in texts.items())
    cut.replace("texts", f"FROM (VALUES {told}) AS t (text_key, tokens)")
    cut.replace("text_vectors", "SELECT 1 AS text_key, CAST(NULL AS FLOAT[384]) AS vector WHERE false")
    cut.replace(
        "waves",
        "SELECT 'w' || night AS wave_id, DATE '2026-01-01' + night AS wave_date, 'panel' AS panel, "
        "'staged' AS wave_kind, 'battery' AS battery_sha FROM (VALUES (1), (2)) AS t (night)",
    )
    cut.replace("battery_prompts", "SELECT DISTINCT wave_id, prompt_id, capability FROM cut.measured_answers")
    table = cut.build("convergence_change")
    return cut.connection.execute(
        "SELECT n_models, n_prompts, convergence, change, ci_low, ci_high "
        f"FROM {table} WHERE reference_kind = 'previous' AND capability = 'overall' AND kernel = 'distributional'"
    ).fetchall()


@pytest.mark.parametrize(
    ("tonight", "n_models", "n_prompts", "convergence"),
    [
        # a, b: 1; a, c and b, c: 0; z is left out of both nights, or a, b would be one of six pairs on the first
        pytest.param({("z", n): None for n in range(27)}, 3, 30, 1 / 3, id="one-model-on-most-prompts"),
        # a, b and, without the three prompts on which they differ, c, z: 1; the four others: 0
        pytest.param({("z", n): None for n in range(3)}, 4, 27, 2 / 6, id="one-model-on-some-prompts"),
        # one text of two models for everything: match = chance = 1, so c, z has no score on the second night
        pytest.param(
            {(m, n): "I can not help with that" for m in "cz" for n in range(30)}, 4, 30, 1 / 5, id="one-text-of-a-pair"
        ),
    ],
)
def test_a_change_is_taken_over_pairs_and_prompts_that_both_waves_score(
    tonight: dict[tuple[str, int], str | None], n_models: int, n_prompts: int, convergence: float
) -> None:
    ((*sizes, now, change, low, high),) = change_of(tonight)
    assert sizes == [n_models, n_prompts]
    assert now == pytest.approx(convergence)
    assert (change, low, high) == (0, 0, 0)


def test_a_pair_that_both_waves_score_moves_the_change_by_what_it_moved() -> None:
    # z no longer says what c says on 27 of 30 prompts: of six pairs one stays at 1, and one falls from .9 to 0
    ((*_, now, change, low, high),) = change_of(
        {("z", n): f"all{n} new{n} and{n} long{n} enough{n}" for n in range(30)}
    )
    assert (now, change) == (pytest.approx(1 / 6), pytest.approx(-0.9 / 6))
    assert low < change < high
