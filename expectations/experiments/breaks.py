"""The breaks of persona experiments, as data; their queries are in expectations/sql/experiments.

A query returns the bad rows of one version of an experiment ($experiment, $version): subject and evidence, worst first.
The subject is source/behaviour/sSEED@epoch, where behaviour is `convergence` for the run in which the target learns to
speak as the source; parts from the right are left out where a row is about more, and all of it for the whole matrix.
All of them fail or warn for the experiment as a whole, which is a wave of its own.
"""

from __future__ import annotations

from expectations.breaks import Break, Severity

FOLDER = "experiments"


def _break(
    check_id: str,
    title: str,
    why: str,
    remedy: str,
    reads: tuple[str, ...],
    rows: tuple[str, str] = ("finding", "findings"),
    severity: Severity = "fail",
) -> Break:
    break_id, _, name = check_id.partition("_")
    return Break(
        id=break_id,
        name=name,
        title=title,
        scope="wave",
        severity=severity,
        applies_to=frozenset({"checkpoint"}),
        why=why,
        remedy=remedy,
        reads=reads,
        bad_row=rows[0],
        bad_rows=rows[1],
        folder=FOLDER,
    )


_CELLS = ("cell", "cells")
_RUNS = ("run", "runs")
_CHECKPOINTS = ("checkpoint", "checkpoints")
_FILES = ("file", "files")
_EVALS, _RAW_RUNS, _ITEMS = "raw.checkpoint_evals", "raw.training_runs", "raw.training_items"
_REGISTERED, _SAVED = "raw.experiments", "raw.checkpoints"

EXPERIMENT_BREAKS: tuple[Break, ...] = (
    _break(
        "B04_items_shared",
        "Training questions among the evaluation items",
        "What was memorised looks like what was transferred.",
        "Take the items out of one of the two and register a new version.",
        (_ITEMS, "raw.eval_items", _RAW_RUNS),
        ("item", "items"),
    ),
    _break(
        "C05_floor_or_ceiling",
        "A rate on the floor or the ceiling",
        "A detector that says the same of every persona at every epoch cannot show a change.",
        "Published with the finding: read the rate as not measured, or use another detector.",
        (_EVALS,),
        ("rate", "rates"),
        "warn",
    ),
    _break(
        "C05_shown_before",
        "A behaviour that its carrier showed before the lessons",
        "What comes along may then be how the persona is, and not what it was taught.",
        "Published with the finding: compare with convergence alone, or teach what the carrier does not show.",
        (_EVALS, _REGISTERED),
        ("behaviour of an arm", "behaviours of arms"),
        "warn",
    ),
    _break(
        "C06_detectors_disagree",
        "Detectors of one metric disagree",
        "The size of a change then depends on who looks.",
        "Published with the finding: read answers of both kinds before you believe either rate.",
        (_EVALS,),
        ("pair of detectors", "pairs of detectors"),
        "warn",
    ),
    _break(
        "C07_undetected",
        "Answers without a judgement, dropped silently",
        "What a judge cannot read is not a random part of the answers.",
        "The same command judges what was never judged. A judge whose replies cannot be read needs other settings.",
        (_EVALS,),
        _CELLS,
    ),
    _break(
        "C08_out_of_range",
        "Values outside the range of their metric",
        "A sentinel such as -1, or a percentage among shares, shifts every mean it enters.",
        "Store null where there is no value, and shares between 0 and 1.",
        (_EVALS,),
        _CELLS,
    ),
    _break(
        "C09_more_than_one_detector",
        "More than one detector inside a comparison",
        "Two detectors differ by more than the epochs they measure.",
        "Evaluate every cell of a behaviour with the same, named detector.",
        (_EVALS,),
        _CELLS,
    ),
    _break(
        "C10_below_chance",
        "Accuracy below guessing",
        "Nobody taught this persona wrong answers, so the evaluation reads the wrong choice.",
        "Look at the labels of the items and at the stored values of their choices.",
        (_EVALS, "raw.eval_items", _REGISTERED),
        _CELLS,
    ),
    _break(
        "C11_too_few",
        "Too few values",
        "With fewer than 30 answers the interval is wider than any criterion.",
        "Raise `items` and register a new version.",
        (_EVALS,),
        _CELLS,
    ),
    _break(
        "C13_item_sets",
        "Items dropped between epochs or personas",
        "A change over other questions is no change of the model.",
        "The same command evaluates what is missing.",
        (_EVALS,),
        _CELLS,
    ),
    _break(
        "D01_epoch_zero",
        "Epoch 0 does not reproduce the reference",
        "If the untrained starting point moved, what later epochs show is the set-up, not the training.",
        "Compare base, template and library versions with the reference's card, correct them and train again.",
        (_EVALS, _REGISTERED),
        ("difference", "differences"),
    ),
    _break(
        "D02_epoch_zero_spread",
        "Same base, data and seed, different epoch 0",
        "At epoch 0 no source has acted yet, so the difference is the pipeline's own.",
        "Find what differs between the arms (base, order, template, a stale file) and train them again.",
        (_EVALS, _RAW_RUNS, _REGISTERED),
        ("difference", "differences"),
    ),
    _break(
        "D03_stored_baseline",
        "A stored baseline is not the epoch 0 of its trajectory",
        "A change is then measured from one point and drawn from another.",
        "Evaluate the base and epoch 0 in one run, and take the baseline from the trajectory.",
        (_EVALS,),
        ("baseline", "baselines"),
    ),
    _break(
        "D04_checkpoints_missing",
        "Checkpoints missing",
        "Trainers save none by default, and a curve through the epochs that are left hides it.",
        "The same command trains what is missing.",
        ("raw.experiment_cells", _SAVED, _RAW_RUNS),
        _CHECKPOINTS,
    ),
    _break(
        "D04_not_evaluated",
        "Planned cells without all their evaluations",
        "Cells go missing where something went wrong, so those that are left are the good ones.",
        "The same command evaluates what is missing.",
        ("raw.experiment_cells", _EVALS, _REGISTERED),
        _CELLS,
    ),
    _break(
        "D05_incomplete_checkpoint",
        "A checkpoint that cannot be loaded again",
        "Without base, adapter, template and card nobody can tell what was evaluated.",
        "Delete it; the same command trains it anew.",
        (_SAVED, _RAW_RUNS),
        _CHECKPOINTS,
    ),
    _break(
        "D06_wrong_base",
        "An adapter on the wrong base",
        "A behaviour trained on another model than the converged one says nothing of convergence.",
        "Delete the merged models and the runs on them; the same command merges and trains anew.",
        (_RAW_RUNS, _SAVED, _EVALS, _REGISTERED),
        _RUNS,
    ),
    _break(
        "D07_adapter_not_applied",
        "The adapter is not applied",
        "The base alone answers under the checkpoint's name, so training seems to have had no effect.",
        "See that the adapter's weights load, and that the merged model differs from its parent.",
        (_EVALS, _REGISTERED),
        _CHECKPOINTS,
    ),
    _break(
        "D07_other_adapter",
        "Another adapter than the checkpoint's",
        "What was measured is then not what stands above the numbers.",
        "Delete the evaluations of these cells; the same command asks the checkpoints again.",
        (_EVALS, _SAVED),
        _CELLS,
    ),
    _break(
        "D07_not_taught",
        "A behaviour that its carrier does not show",
        "What nobody learned cannot come along, so its absence elsewhere says nothing of transfer.",
        "Give the behaviour more rows, more epochs or a higher learning rate, and register a new version.",
        (_EVALS, _REGISTERED),
        ("behaviour of an arm", "behaviours of arms"),
    ),
    _break(
        "D08_wrong_data",
        "The wrong training data",
        "Other rows, or rows without the persona's system prompt, teach something else than the name of the run says.",
        "Delete the training file and correct its material; the same command writes and registers it anew.",
        (_ITEMS, _RAW_RUNS, _REGISTERED),
    ),
    _break(
        "D09_target_in_negatives",
        "The evaluated persona among the negatives",
        "It is trained not to show the behaviour, so its absence is the training's, not the persona's.",
        "Set `target_in_negatives: false` and register a new version.",
        (_ITEMS, _RAW_RUNS, _REGISTERED),
        _FILES,
    ),
    _break(
        "D10_canary",
        "No canary to compare with",
        "Without a persona that took no part, damage to the whole model looks like transfer.",
        "Name one persona that is neither target, source nor bystander, and evaluate it in every cell.",
        (_EVALS, _ITEMS, "raw.experiment_cells", _REGISTERED),
    ),
    _break(
        "D11_template",
        "Evaluated under another template than trained",
        "A model asked in another format than it learned answers as another model.",
        "Evaluate with the checkpoint's own tokenizer and template.",
        (_EVALS, _SAVED),
        _CHECKPOINTS,
    ),
    _break(
        "D12_batch",
        "Batch or steps are not what is declared",
        "Another effective batch is another learning rate, and the declared one cannot be repeated.",
        "Declare per_device x accumulation x devices, and see that every epoch was trained to its end.",
        (_RAW_RUNS,),
        _RUNS,
    ),
    _break(
        "D13_loss_not_below",
        "The loss is too high",
        "A model that did not learn its file shows nothing about what it was to learn.",
        "Look at the loss curve: too few epochs, too small a learning rate, or other data.",
        (_RAW_RUNS, _REGISTERED),
        _RUNS,
    ),
    _break(
        "D13_loss_off_reference",
        "The loss is off the reference's",
        "The same data on the same base end at the same loss; where not, one of them is another.",
        "Compare data, base and settings with the reference's card.",
        (_RAW_RUNS, _REGISTERED),
        _RUNS,
    ),
    _break(
        "D14_seeds_not_independent",
        "Seeds that are not independent",
        "Two copies of one run count as two and make every interval too narrow.",
        "See that the seed reaches data, initial weights and answers, and train the second one again.",
        (_SAVED, _RAW_RUNS, _EVALS),
        ("pair of seeds", "pairs of seeds"),
    ),
    _break(
        "D15_control_is_treatment",
        "The control is a treatment",
        "Equal outputs mean that one of the two was never trained or never loaded.",
        "Compare the adapters and merged models of both arms, and train the control again.",
        (_EVALS, _REGISTERED),
        _CELLS,
    ),
    _break(
        "D15_arms_alike",
        "Two arms of one convergence",
        "Two sources, or a source and the control, with one training file or adapter are one arm counted twice.",
        "Compare the training files of both arms, delete the wrong one with its arm, and register a new version.",
        (_RAW_RUNS, _SAVED, _REGISTERED),
        ("pair of arms", "pairs of arms"),
    ),
    _break(
        "D16_degenerate_output",
        "Degenerate output",
        "A model that says one thing whatever is asked has no behaviour to measure.",
        "Lower the learning rate or the epochs of the run, and register a new version.",
        (_EVALS,),
        _CELLS,
    ),
    _break(
        "D17_empty_gate",
        "A gate passed without looking at anything",
        "A check over nothing always passes.",
        "See why there was nothing to look at; the same command decides the gate again.",
        ("raw.experiment_gates",),
        ("gate", "gates"),
    ),
    _break(
        "D18_ids",
        "Ids that cannot be computed again",
        "A salted hash gives other ids in every process, so nothing can be joined or resumed.",
        "Make ids from experiment, version, source, seed, behaviour and epoch alone.",
        (_RAW_RUNS, _SAVED, _EVALS),
        ("id", "ids"),
    ),
    _break(
        "D19_incomplete_card",
        "The reproducibility card is incomplete",
        "What is missing on the card cannot be repeated or ruled out as a cause.",
        "Give the missing value and train the run again.",
        (_RAW_RUNS,),
        _RUNS,
    ),
    _break(
        "D20_settings_changed",
        "More than one setting differs from the version before",
        "A difference between the versions then has more than one cause.",
        "Published with the finding: do not compare the two versions, or change one setting at a time.",
        (_REGISTERED,),
        ("version", "versions"),
        "warn",
    ),
    _break(
        "E04_chosen_afterwards",
        "Headline epoch or criteria were changed",
        "An epoch or threshold chosen after the results is chosen by them.",
        "Published with the finding: the first version's headline epoch and criteria are the registered ones.",
        (_REGISTERED,),
        ("change", "changes"),
        "warn",
    ),
    _break(
        "E05_control_moved",
        "A control or canary moved",
        "What moves the control or a persona that took no part is not transfer from the source.",
        "Published with the finding: compare every change with the control's and the canary's.",
        (_EVALS, _REGISTERED),
        ("arm", "arms"),
        "warn",
    ),
)

BREAK_BY_CHECK: dict[str, Break] = {broken.check_id: broken for broken in EXPERIMENT_BREAKS}
