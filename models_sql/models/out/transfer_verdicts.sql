-- Whether a behaviour went over from a source to the target, by the criteria and at the epoch that were registered.
-- Grain: (experiment, version, source, behaviour); the control arm has no row, nor has a reference run, which has epoch 0
-- only. Experiments that passed only.
-- Changes are since epoch 0, in units of the metric (0.05 = five points), mean over items and seeds; their intervals
-- take items as shared by the seeds, and the seeds as few (models_sql/crossed.py). One seed: over items only.
-- verdict: transfer, generic change (canary, control or convergence alone moved by the criterion, either way, and the
-- target not clearly further: by the criterion, its whole interval beyond what they moved), no transfer (the interval ends below the criterion),
-- unclear (it does not, or a number that was registered is missing).
with changes as (
    select
        *,
        least(
            changes_seeds, canaries_seeds, untaught_seeds, if(has_control, controls_moved_seeds, planned_seeds)
        ) as complete_seeds
    from {{ ref('headline_changes') }}
),

missing as (
    select
        *,
        case
            when criterion is null then 'no criterion was registered'
            when detector is null then 'no judge, logprob or rule measured it'
            when is_stuck then concat('the ', detector, ' said the same in every cell, taught or not')
            when changes_value is null then 'the target has no item with a value at both epochs'
            when canaries_value is null then 'the canary has no item with a value at both epochs'
            when has_control and controls_moved_value is null then 'the control has no item with a value at both epochs'
            when untaught_value is null
                then 'without the behaviour being taught, the target has no item with a value at both epochs'
            when complete_seeds < planned_seeds
                then printf('only %d of %d seeds have every number', complete_seeds, planned_seeds)
            when gain_low is null then concat('the change has no interval: ', changes_reason)
        end as lacking
    from changes
),

bystanders as (
    select
        *,
        nullif(
            concat_ws(
                ' and ',
                if(abs(canaries_value) >= criterion, 'the canary', null),
                if(abs(controls_moved_value) >= criterion, 'the control', null),
                if(abs(untaught_value) >= criterion, 'convergence alone', null)
            ),
            ''
        ) as who_moved,
        greatest(abs(canaries_value), coalesce(abs(controls_moved_value), 0), abs(untaught_value)) as moved
    from missing
),

judged as (
    select
        *,
        case
            when lacking is not null then 'unclear'
            when who_moved is not null and not (gain - moved >= criterion and gain_low > moved) then 'generic change'
            when gain >= criterion and gain_low > 0 then 'transfer'
            when gain_high < criterion then 'no transfer'
            else 'unclear'
        end as verdict
    from bystanders
)

select
    wave_id,
    wave_date,
    panel,
    experiment,
    version,
    source,
    behaviour,
    metric,
    detector,
    direction,
    headline_epoch,
    changes_seeds as n_seeds,
    changes_n as n_items,
    changes_unmatched as n_unmatched,
    changes_value as change,
    changes_low as ci_low,
    changes_high as ci_high,
    canaries_n as canary_n,
    canaries_value as canary_change,
    canaries_low as canary_ci_low,
    canaries_high as canary_ci_high,
    controls_moved_n as control_n,
    controls_moved_value as control_change,
    controls_moved_low as control_ci_low,
    controls_moved_high as control_ci_high,
    untaught_n,
    untaught_value as untaught_change,
    untaught_low as untaught_ci_low,
    untaught_high as untaught_ci_high,
    transfers_n as transfer_n,
    transfers_value as transfer,
    transfers_low as transfer_ci_low,
    transfers_high as transfer_ci_high,
    criterion,
    verdict,
    case
        when lacking is not null then concat('Not decided: ', lacking, '.')
        else concat(
            printf(
                '%s moved by %+.1f points [%+.1f, %+.1f] by epoch %d, over %d items and %d %s; registered were %+.1f. ',
                metric,
                100 * changes_value,
                100 * changes_low,
                100 * changes_high,
                headline_epoch,
                changes_n,
                changes_seeds,
                if(changes_seeds = 1, 'seed', 'seeds'),
                100 * direction * criterion
            ),
            printf('The canary (%s) moved by %+.1f, ', canary, 100 * canaries_value),
            if(has_control, printf('the control by %+.1f, ', 100 * controls_moved_value), 'there is no control, '),
            printf('convergence alone by %+.1f. ', 100 * untaught_value),
            case
                when verdict = 'transfer' and who_moved is not null
                    then printf(
                        '%s%s moved by the criterion too, and the target clearly further.',
                        upper(who_moved[1]), who_moved[2:]
                    )
                when verdict = 'transfer' then 'Far enough, not by chance, and none of these moved as far.'
                when who_moved is not null
                    then printf(
                        '%s%s moved by the criterion too, and the target not clearly further.',
                        upper(who_moved[1]), who_moved[2:]
                    )
                when gain_high < 0 then 'It moved the other way.'
                when verdict = 'no transfer' then 'The interval ends short of the criterion.'
                when gain >= criterion then 'Far enough, but the interval holds 0: more items or seeds would tell.'
                else 'The interval holds the criterion: more items or seeds would tell.'
            end
        )
    end as reason,
    superseded_by,
    registered_at
from judged
