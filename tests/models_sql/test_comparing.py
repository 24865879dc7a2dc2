"""Comparisons (dashboards.comparing) over the made-up waves that the models are tested on."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dashboards.comparing import compare
from dashboards.comparing.operands import find_operands
from dashboards.comparing.records import Comparison, as_json
from dashboards.comparing.sentences import headline
from dashboards.comparing.text import as_text
from dashboards.comparing.turning import turned
from lake.catalog import connect_writer
from lake.errors import InputError

if TYPE_CHECKING:
    from lake.store import Store
    from tests.models_sql.conftest import BuiltLake

FIRST, SECOND, THIRD = (f"sampled/2026-01-0{day}" for day in (1, 2, 3))


@pytest.fixture(scope="module")
def sampled(built: BuiltLake) -> Comparison:
    return compare(built.store, FIRST, SECOND, at="head", prompts=4)


def test_any_two_waves_have_the_numbers_that_the_lake_has_for_them(built: BuiltLake, sampled: Comparison) -> None:
    published = built.rows(
        "SELECT capability, kernel, change, ci_low, ci_high, n_models, n_prompts FROM out.convergence_change "
        f"WHERE wave_id = '{SECOND}' AND reference_kind = 'previous' ORDER BY ALL"
    )
    found = [
        (row.capability, row.kernel, row.value, row.ci_low, row.ci_high, row.n_models, row.n_prompts)
        for row in sampled.similarity
    ]
    assert sorted(found) == published
    row = headline(sampled.similarity, "change")
    assert row is not None
    assert sampled.finding.startswith(f"Convergence did not change measurably: {row.value:.3f} [")
    assert ", 4 models, 60 prompts." in sampled.finding


def test_the_other_way_round_every_difference_turns_its_sign(built: BuiltLake, sampled: Comparison) -> None:
    back = compare(built.store, SECOND, FIRST, at="head", prompts=4)
    assert (back.a.name, back.b.name) == (SECOND, FIRST)
    for here, there in zip(sampled.similarity, back.similarity, strict=True):
        assert (there.value, there.ci_low, there.ci_high) == (-here.value, -here.ci_high, -here.ci_low)
    for rate, other in zip(sampled.rates, back.rates, strict=True):
        assert (other.a, other.b, other.difference) == (rate.b, rate.a, -rate.difference)
    assert back.drift == sampled.drift
    assert [(m.prompt_id, m.answer_a) for m in back.moved] == [(m.prompt_id, m.answer_b) for m in sampled.moved]
    assert turned(turned(sampled)) == sampled


def test_a_wave_with_itself_is_zero_everywhere(built: BuiltLake) -> None:
    found = compare(built.store, FIRST, FIRST, at="head")
    assert {(row.value, row.ci_low, row.ci_high) for row in found.similarity} == {(0.0, 0.0, 0.0)}
    assert {(row.drift, row.p_value, row.is_alarm, row.changed_share) for row in found.drift} == {
        (0.0, 1.0, False, 0.0)
    }
    assert {(rate.difference, rate.p_value) for rate in found.rates} == {(0.0, 1.0)}
    assert (found.unmatched, found.moved, found.n_changed) == ((), (), 0)


def test_waves_that_the_lake_does_not_compare_are_compared(built: BuiltLake) -> None:
    """Panels hand and withheld ask one battery; three of their models give the same answers."""
    found = compare(built.store, "hand/2026-01-01", "withheld/2026-01-01", at="head")
    row = headline(found.similarity, "change")
    assert row is not None
    assert (row.value, row.n_models, row.n_prompts) == (0.0, 3, 5)
    assert "different panels, hand and withheld" in found.notes[0]
    reasons = {(lacking.model, lacking.side): lacking.reason for lacking in found.unmatched}
    assert reasons["constant", "B"] == "withheld: one answer"
    assert reasons["dead", "B"] == "withheld: incomplete"
    assert reasons["twin-of-ann", "B"] == "withheld: same identity as another name"
    assert reasons["constant", "A"] == "not asked"


def test_prompts_that_one_side_lacks_are_named_with_the_state_of_their_cells(sampled: Comparison) -> None:
    found = [(lacking.model, lacking.prompt_id, lacking.side, lacking.reason) for lacking in sampled.unmatched]
    assert found == [("delta", "truth-03", "A", "error"), ("delta", "truth-04", "B", "error")]


def test_a_drifting_model_is_named_with_its_cause(built: BuiltLake) -> None:
    found = compare(built.store, "drifting/2026-01-01", "drifting/2026-01-03", at="head", prompts=3)
    assert "2 models drifted: mover (identity), sly (unconfirmed)." in found.finding
    assert "Configuration changed: retuned." in found.finding
    frozen = [row for row in found.drift if row.model == "frozen"]
    assert {(row.drift, row.p_value) for row in frozen} == {(0.0, 1.0)}
    assert {moved.model for moved in found.moved} <= {"mover", "sly", "retuned"}
    shifts = [moved.shift or 0 for moved in found.moved]
    assert shifts == sorted(shifts, reverse=True)


def test_one_sample_a_prompt_and_one_model_give_distances_and_reasons(built: BuiltLake) -> None:
    found = compare(built.store, "single/2026-01-01", "single/2026-01-02", at="head", prompts=9)
    assert found.finding.startswith("Whether convergence changed cannot be said: fewer than 2 models")
    assert {row.value for row in found.similarity} == {None}
    # five of ten prompts changed one word of five: the kernels are .8, so the distance is .2; ties go by id
    assert (found.n_compared, found.n_changed, found.ranked_by) == (10, 5, "distance")
    assert [moved.prompt_id for moved in found.moved] == ["s5", "s6", "s7", "s8", "s9"]
    assert [moved.distance for moved in found.moved] == pytest.approx([0.2] * 5, abs=1e-6)
    assert {moved.within for moved in found.moved} == {None}
    assert found.moved[0].answer_a == "one5 two5 three5 four5 five5"
    assert {row.reason for row in found.drift} == {"a test needs 2 samples a prompt in both waves"}
    # five -> six is one letter less
    length = next(rate for rate in found.rates if rate.rate == "length")
    assert (length.a - length.b, length.n_prompts) == (pytest.approx(0.5), 10)


def test_two_models_have_the_pair_of_the_lake_and_their_rates_paired(built: BuiltLake) -> None:
    found = compare(built.store, "bob", "ann", at="head", wave="hand/2026-01-01")
    row = headline(found.similarity, "pair")
    assert row is not None
    # worked out in test_convergence: match .84, chance .2, convergence .8
    assert (row.value, row.match, row.chance, row.n_prompts) == (*(pytest.approx(x) for x in (0.8, 0.84, 0.2)), 5)
    # they differ on p4 and p5 in two words of five: the kernels are .6
    assert [(m.prompt_id, m.distance) for m in found.moved] == [
        (prompt, pytest.approx(0.4, abs=1e-6)) for prompt in ("p4", "p5")
    ]
    back = compare(built.store, "ann", "bob", at="head", wave="hand/2026-01-01")
    assert [rate.difference for rate in back.rates] == [-(rate.difference or 0.0) for rate in found.rates]
    same = compare(built.store, "ann", "ann", at="head", wave="hand/2026-01-01")
    assert {rate.difference for rate in same.rates} == {0.0}
    assert same.n_changed == 0


def test_a_pair_that_is_withheld_has_a_reason_instead_of_a_number(built: BuiltLake) -> None:
    found = compare(built.store, "ann", "constant", at="head", wave="withheld/2026-01-01")
    assert {row.value for row in found.similarity} == {None}
    assert "constant: withheld: one answer" in found.finding


@pytest.fixture
def with_providers(copied: Store) -> Store:
    connection = connect_writer(copied)
    connection.execute(
        "UPDATE raw.roster SET provider = CASE WHEN model IN ('alpha', 'beta', 'omega') THEN 'Greek' ELSE 'Other' END "
        "WHERE panel = 'sampled'"
    )
    connection.execute("UPDATE core.waves SET battery_sha = 'another' WHERE wave_id = 'hand/2026-01-01'")
    connection.close()
    return copied


def test_groups_are_facts_of_the_roster_and_their_pairs_those_of_the_lake(with_providers: Store) -> None:
    found = compare(with_providers, "provider=greek", "provider=Other", at="head")
    assert (found.a.models, found.b.models) == (("alpha", "beta", "omega"), ("delta", "gamma"))
    assert found.a.wave_id == THIRD
    rows = {row.quantity: row for row in found.similarity if (row.capability, row.kernel) == ("overall", "combined")}
    assert (rows["within_a"].n_pairs, rows["within_b"].n_pairs, rows["between"].n_pairs) == (3, 1, 6)
    assert rows["difference"].value == rows["within_b"].value - rows["within_a"].value
    assert rows["within_b"].reason == "an interval needs 3 models"
    assert rows["difference"].reason == "no interval: leaving out one model leaves no pair"
    back = compare(with_providers, "provider=Other", "provider=Greek", at="head")
    assert headline(back.similarity, "difference").value == -rows["difference"].value  # type: ignore[union-attr]


BOTH_ENDS = "convergence, ci_low, ci_high, n_models, n_pairs, n_prompts"


@pytest.mark.parametrize("wave", [FIRST, "curt/2026-01-01"])
def test_all_members_as_a_group_have_the_interval_of_the_wave(built: BuiltLake, wave: str) -> None:
    found = compare(built.store, "role=member", "role=member", at="head", wave=wave)
    published = built.rows(
        f"SELECT capability, kernel, {BOTH_ENDS} FROM out.convergence_by_wave WHERE wave_id = '{wave}'"
    )
    rows = {(row.capability, row.kernel): row for row in found.similarity if row.quantity == "within_a"}
    assert len(rows) == len(published) == 9
    for capability, kernel, value, low, high, *numbers in published:
        row = rows[capability, kernel]
        assert (row.value, row.ci_low, row.ci_high) == pytest.approx((value, low, high), abs=1e-9)
        assert [row.n_models, row.n_pairs, row.n_prompts] == numbers
    apart = [row for row in found.similarity if row.quantity in ("difference", "separation")]
    assert {(row.value, row.ci_low, row.ci_high) for row in apart} == {(0.0, 0.0, 0.0)}


def test_two_groups_of_a_roster_have_the_intervals_that_the_lake_has_for_them(built: BuiltLake) -> None:
    wave = "grouped-samples/2026-01-01"
    found = compare(built.store, "provider=left", "provider=right", at="head", wave=wave)
    rows = {(row.quantity, row.capability, row.kernel): row for row in found.similarity}
    published = built.rows(
        "SELECT capability, kernel, within_convergence, within_ci_low, within_ci_high, between_convergence, "
        f"between_ci_low, between_ci_high FROM out.convergence_by_group WHERE wave_id = '{wave}' "
        "AND grouping = 'provider' AND group_name = 'left'"
    )
    assert len(published) == 9
    for capability, kernel, *numbers in published:
        sides = (rows[quantity, capability, kernel] for quantity in ("within_a", "between"))
        told = [number for row in sides for number in (row.value, row.ci_low, row.ci_high)]
        assert told == pytest.approx(numbers, abs=1e-12)
    assert rows["within_b", "overall", "combined"].reason == "an interval needs 3 models"


def test_waves_of_two_batteries_are_refused_with_both(with_providers: Store) -> None:
    with pytest.raises(InputError, match="different batteries .*another and battery"):
        compare(with_providers, "hand/2026-01-01", FIRST, at="head")


@pytest.mark.parametrize(
    ("a", "b", "options", "message"),
    [
        ("sampld/2026-01-01", SECOND, {}, "is no published wave, no model and no group.* Nearest: sampled/2026-01-01"),
        ("alfa", "beta", {}, "Nearest: alpha"),
        (FIRST, "beta", {}, "is a wave and beta is a model"),
        ("2026-01-01", "2026-01-02", {}, "is a wave of several panels: .*--panel"),
        ("2026-01-01", "2026-01-02", {"panel": "smpled"}, "No published wave is of panel 'smpled'. Nearest: sampled"),
        ("alpha", "ann", {}, "no wave has both"),
        ("provder=x", "provider=y", {}, "provder is no fact of a roster.*Nearest: provider"),
        ("provider=x", "provider=y", {}, "does not declare that fact"),
        ("role=membr", "role=member", {}, "Nearest: role=member"),
        ("judged/2026-01-02", "judged/2026-01-03", {}, "judged/2026-01-02 is loaded and not in the lake as it is read"),
        (FIRST, SECOND, {"wave": FIRST}, "--wave says where models or groups"),
        ("alpha", "beta", {"wave": "nowhere"}, "nowhere is no published wave"),
    ],
)
def test_a_name_that_fits_nothing_is_told_with_what_is_near(
    built: BuiltLake, a: str, b: str, options: dict[str, str], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        find_operands(built.reader, (a, b), options.get("panel"), options.get("wave"))


def test_before_the_first_publication_there_is_nothing_to_compare(built: BuiltLake) -> None:
    with pytest.raises(InputError, match="No wave is published here yet"):
        compare(built.store, "alpha", "beta")


def test_a_date_is_a_wave_of_the_panel(built: BuiltLake) -> None:
    a, b = find_operands(built.reader, ("2026-01-01", "2026-01-02"), "sampled", None)
    assert (a.wave_id, b.wave_id) == (FIRST, SECOND)
    # a whole wave_id needs no panel
    a, _ = find_operands(built.reader, ("hand/2026-01-01", "2026-01-02"), "sampled", None)
    assert a.wave_id == "hand/2026-01-01"


def test_the_json_has_the_same_content_and_no_number_that_is_none(sampled: Comparison) -> None:
    told = json.loads(json.dumps(as_json(sampled), allow_nan=False))
    assert list(told) == list(vars(sampled))
    assert told["similarity"][0]["value"] == sampled.similarity[0].value
    assert told["moved"][0]["answer_a"] == sampled.moved[0].answer_a
    assert as_json(float("nan")) is None


def test_the_text_starts_with_the_finding_and_shows_stored_text_inert(sampled: Comparison) -> None:
    hostile = replace(sampled.moved[0], answer_a="\x1b[31mred", model="evil\nname")
    text = as_text(replace(sampled, moved=(hostile,)), 100)
    assert text.startswith(sampled.finding)
    assert r"\x1b[31mred" in text
    assert "\x1b" not in text
    assert "first of 2 samples" in text
    assert "evil name, " in text
