"""The sentences of a wave. The synthetic nights of conftest: combined convergence 0.12, 0.21, 0.33, 0.38 (± 0.05),
the assistant drifts by 0.31, 0.12 and 0.04 from night to night, nothing else does.
"""

from __future__ import annotations

import pytest

from tests.dashboards.measured import add_measured


def one(sentences, start):
    """Return the only sentence that starts so."""
    (sentence,) = [sentence for sentence in sentences if sentence.startswith(start)]
    return sentence


def set_all(table, **values):
    """Return an edit that sets columns in every row of a table."""

    def change(rows):
        for row in rows[table]:
            row.update(values)

    return change


def test_convergence_is_told_night_by_night_with_interval_and_n(found):
    assert one(found(), "Convergence by night") == (
        "Convergence by night (combined, 0 = chance, 1 = identical, 95 % interval, staged): "
        "2026-11-18 0.12 [0.07, 0.17]; 2026-11-19 0.21 [0.16, 0.26]; 2026-11-20 0.33 [0.28, 0.38]; "
        "2026-11-21 0.38 [0.33, 0.43] (6 models, 6 prompts)."
    )


def test_the_matched_change_names_a_direction_only_where_its_interval_excludes_zero(found):
    # against the night before 0.38 - 0.33 = 0.05 and against the first 0.38 - 0.12 = 0.26, both ± 0.04
    sentences = [sentence for sentence in found() if sentence.startswith("Against")]
    assert [sentence.split("convergence ")[1] for sentence in sentences] == [
        "rose by 0.050 [0.010, 0.090].",
        "rose by 0.260 [0.220, 0.300].",
    ]


@pytest.mark.parametrize(
    ("change", "low", "high", "words"),
    [
        pytest.param(-0.2, -0.3, -0.1, "fell by 0.200 [0.100, 0.300].", id="fell"),
        pytest.param(0.02, -0.01, 0.05, "did not move measurably: 0.020 [-0.010, 0.050].", id="zero-inside"),
        pytest.param(0.3, None, None, "differs by 0.300 (no interval).", id="two-models"),
    ],
)
def test_a_change_without_evidence_has_no_direction(found, change, low, high, words):
    edit = set_all("out.convergence_change", change=change, ci_low=low, ci_high=high)
    # on the second night the night before is the first night: one sentence, not two
    assert one(found(n_nights=2, change=edit), "Against 2026-11-18").endswith(f"convergence {words}")


def test_models_in_one_of_two_nights_only_are_named(found):
    sentences = found(n_nights=2, change=set_all("out.convergence_change", unmatched_models="lab/new"))
    assert one(sentences, "Against").endswith("[0.050, 0.130]; models in one of both only: lab/new.")


def test_an_alarm_names_model_night_size_noise_p_n_cause_and_what_serves(found):
    alarms = [sentence for sentence in found() if sentence.startswith("Drift alarm")]
    assert len(alarms) == 3  # nights 2, 3 and 4; the alarms against the baseline on night 4 are in the same sentence
    # night 2: 3 capabilities (two and overall) x 3 kernels = 9 tests against the night before, all alarmed
    assert alarms[0] == (
        "Drift alarm: lab/assistant-latest changed on 2026-11-19 against 2026-11-18 (combined MMD² 0.310, "
        "noise SD 0.0040, p adjusted 0.0009, 6 prompts; 9 of 9 tests): the served system changed (identity): "
        "served model lab/assistant@epoch-0 became lab/assistant@epoch-2; adapter 000000000000 became 000000000002."
    )


def test_an_old_change_alarms_against_the_baseline_on_the_newest_night_only(found):
    def settle(rows):
        for row in rows["out.drift_by_model"]:
            if row["reference_kind"] == "previous":
                row.update(is_alarm=False, cause=None, p_adjusted=1.0)

    sentences = found(change=settle)
    # 18 tests on the newest night, 9 of them against the baseline; 0.31 + 0.12 + 0.04 = 0.47
    alarm = one(sentences, "Drift alarm")
    assert "changed on 2026-11-21 against its baseline 2026-11-18 (combined MMD² 0.470" in alarm
    assert "9 of 18 tests" in alarm


def pool(rows):
    """Make the newest night one of single answers, tested against the pool of the nights before."""
    for row in rows["out.drift_by_model"]:
        alarmed = row["is_alarm"] and row["wave_date"] == max(wave["wave_date"] for wave in rows["core.waves"])
        row.update(reference_kind="pool", method="pool", is_alarm=alarmed, cause="unconfirmed" if alarmed else None)


def test_an_alarm_of_single_answers_is_told_as_a_difference_from_the_pool(found):
    # 0.04 from the night before; baseline rows became pool rows too, and the least p of equals comes first
    alarm = one(found(change=pool), "Drift alarm")
    assert "changed on 2026-11-21 against its pool of earlier nights up to 2026-11-" in alarm
    assert "(combined difference from the pool 0." in alarm
    assert "MMD" not in alarm


def test_a_change_of_level_found_this_night_is_told_right_after_convergence(found):
    sentences = found(change=add_measured)
    told = one(sentences, "Change point")
    assert told == (
        "Change point: convergence has another level since 2026-11-20, up by 0.195 (combined, CUSUM, no interval; "
        "2 nights before, 2 after)."
    )
    assert sentences.index(told) < sentences.index(
        one(sentences, "Drift alarm: lab/assistant-latest changed on 2026-11-19")
    )


def test_the_quiet_models_are_counted(found):
    assert "No drift alarm on 2026-11-21 for the other 6 models tested." in found()


def test_a_night_without_alarm_says_so_for_all_models(found):
    sentences = found(change=set_all("out.drift_by_model", is_alarm=False, cause=None, p_adjusted=1.0))
    assert "No drift alarm on 2026-11-21 for the 7 models tested." in sentences
    assert not [sentence for sentence in sentences if sentence.startswith("Drift alarm")]


def test_the_first_night_has_no_drift_and_no_change(found):
    sentences = found(n_nights=1)
    assert one(sentences, "Drift on") == (
        "Drift on 2026-11-18: not tested, there is no earlier night of this battery to compare with."
    )
    assert not [sentence for sentence in sentences if sentence.startswith(("Against", "Canary", "Drift alarm"))]


def test_one_sample_a_prompt_gives_no_p_value_and_the_reason(found):
    edit = set_all("out.drift_by_model", p_value=None, p_adjusted=None, is_alarm=False, cause=None, method="distance")
    sentences = found(change=edit)
    assert one(sentences, "Drift on").endswith(
        "a p-value needs at least 2 samples a prompt in both nights, or 3 earlier nights of one configuration."
    )
    assert "Canary lab/librarian-canary: not tested against its baseline 2026-11-18." in sentences


def test_a_new_served_identity_is_told_even_without_an_alarm(found):
    sentences = found(change=set_all("out.drift_by_model", is_alarm=False, cause=None, p_adjusted=1.0))
    assert "What serves changed without a drift alarm: lab/assistant-latest." in sentences


def test_our_own_change_of_configuration_is_not_called_drift(found):
    edit = set_all("out.drift_by_model", p_adjusted=None, is_alarm=False, cause="configuration")
    sentences = found(change=edit)
    assert one(sentences, "Not tested for drift").startswith(
        "Not tested for drift, our own configuration changed, which is not drift (configuration): lab/assistant-latest,"
    )
    assert not [sentence for sentence in sentences if sentence.startswith("Drift alarm")]


def test_the_canary_is_told_apart(found):
    assert one(found(), "Canary") == (
        "Canary lab/librarian-canary: drift 0.0020 against its baseline 2026-11-18 (combined MMD², noise SD 0.0040, "
        "p adjusted 1.00, 6 prompts): no alarm."
    )


def test_a_canary_that_moved_is_generic_change(found):
    def move(rows):
        for row in rows["out.drift_by_model"]:
            if row["purpose"] == "canary":
                row.update(is_alarm=True, drift=0.08, p_adjusted=0.004, cause="identity")

    assert one(found(change=move), "Canary").endswith("so what moves here is generic change, not transfer.")


def test_epoch_zero_is_compared_with_its_reference(found):
    # one of two accuracy items right in both runs, both greedy answers equal
    assert one(found(), "Epoch 0") == (
        "Epoch 0 of assistant-to-villain reproduced its reference "
        "(accuracy 0.50 against 0.50, 2 items; 2 of 2 greedy answers equal)."
    )


def test_epoch_zero_that_fails_its_check_did_not_reproduce(found):
    def break_it(rows):
        for row in rows["raw.checkpoint_evals"]:
            if row["wave_id"] and row["metric"] == "answer":
                row["text"] = "Mwahaha."
        for row in rows["ops.check_results"]:
            if row["break_id"] == "D01":
                row.update(success=False, n_bad=2)

    sentences = found(change=break_it)
    assert one(sentences, "Epoch 0") == (
        "Epoch 0 of assistant-to-villain did NOT reproduce its reference "
        "(accuracy 0.50 against 0.50, 2 items; 0 of 2 greedy answers equal)."
    )
    assert "1 failed and kept rows or models out" in one(sentences, "Audit")


def test_epoch_zero_without_a_reference_shows_none(found):
    def forget(rows):
        rows["raw.checkpoint_evals"] = [row for row in rows["raw.checkpoint_evals"] if row["wave_id"]]

    assert "accuracy 0.50 against no reference" in one(found(change=forget), "Epoch 0")


def test_without_checkpoints_nothing_is_said_of_epoch_zero(found):
    def forget(rows):
        rows["raw.checkpoint_evals"] = []

    assert not [sentence for sentence in found(change=forget) if sentence.startswith("Epoch 0")]


def test_withheld_models_are_named_with_reason_and_counts(found):
    def withhold(rows):
        for row in rows["core.model_waves"]:
            if row["model_requested"] == "lab/pirate":
                row.update(is_withheld=True, withheld_reason="incomplete", answered_share=11 / 12, ok_cells=11)
        for row in rows["core.cells"]:
            if row["model_requested"] == "lab/pirate" and (row["prompt_id"], row["sample_index"]) == ("p00", 0):
                row["state"] = "error"

    # 11 / 12 = 91.67 %, rounded down
    assert one(found(change=withhold), "Withheld") == (
        "Withheld from this night's measures: lab/pirate (incomplete; 11 of 12 cells answered, 91.6 %)."
    )


def test_the_audit_counts_findings_apart_from_what_passed(found):
    assert one(found(), "Audit") == (
        "Audit: 3 checks, 2 passed, 1 finding: A09, 1 bad row: lab/assistant-latest is served under another name."
    )


def test_only_the_newest_audit_of_a_night_is_told(found):
    def audit_twice(rows):
        again = [
            row | {"audit_id": row["audit_id"] + "b", "success": True, "n_bad": 0} for row in rows["ops.check_results"]
        ]
        rows["ops.check_results"] += again

    assert one(found(change=audit_twice), "Audit") == "Audit: 3 checks, 3 passed."


def test_quarantined_nights_of_the_panel_are_named(found):
    assert "Kept out of every number, quarantined by their audit: 2026-11-23." in found(quarantined=(5,))


def test_scores_that_are_null_are_never_zero(found):
    def forget(rows):
        for table in ("out.convergence_by_wave", "out.convergence_change"):
            for row in rows[table]:
                row.update(dict.fromkeys({"convergence", "change", "ci_low", "ci_high", "match", "chance"} & set(row)))

    told = one(found(change=forget), "Convergence by night")
    assert told.startswith(
        "Convergence by night (combined, 0 = chance, 1 = identical, staged): 2026-11-18 not enough data;"
    )
    assert "0.0" not in told


def test_a_night_without_a_score_says_why(found):
    def forget(rows):
        for row in rows["out.convergence_by_wave"]:
            row |= {"convergence": None, "ci_low": None, "ci_high": None, "reason": "fewer than 2 models count"}

    told = one(found(n_nights=1, change=forget), "Convergence by night")
    assert told.endswith(": 2026-11-18 not enough data (fewer than 2 models count) (6 models, 6 prompts).")


def test_nights_of_different_size_carry_their_own_n(found):
    def drop_a_model(rows):
        for row in rows["out.convergence_by_wave"]:
            if row["wave_id"].endswith("11-19"):
                row["n_models"] = 5

    told = one(found(n_nights=2, change=drop_a_model), "Convergence by night")
    assert (
        "2026-11-18 0.12 [0.07, 0.17] (6 models, 6 prompts); 2026-11-19 0.21 [0.16, 0.26] (5 models, 6 prompts)."
        in told
    )


def test_a_panel_without_a_published_wave_gets_one_sentence(found):
    assert found(n_nights=0) == ["No wave of panel local is published yet."]


def test_stored_text_cannot_steer_the_terminal(found):
    escape = "\x1b[2J\u202eevil\x07"

    def poison(rows):
        for row in rows["ops.check_results"]:
            row["detail"] = f"{escape} {row['detail']}"

    sentences = found(change=poison, members=(f"a{escape}", "lab/b", "lab/c"))
    told = "\n".join(sentences)
    assert "evil" in told
    assert not [character for character in told if character in "\x1b\u202e\x07"]
