-- Epoch 0 of an experiment against that of the reference run which was named at registration. One row a finding:
--   accuracy further off than the registered tolerance in points (3 where none is registered);
--   any other metric off by more than 2 standard errors of the paired differences, Holm-corrected over all of them;
--   another base than the reference's;
--   no reference named, or nothing in common with it.
-- A reference run itself (epoch 0 only, no reference) has nothing to reproduce and no row.
-- An arm is compared with the same source of the reference, over the items that both have. A source that the reference
-- lacks was taught other data at epoch 0, so of such an arm only the base is compared (break D02 compares arms).
with registered as (
    select
        *,
        experiment || '@' || version as name,
        coalesce((content ->> '$.thresholds.epoch_zero_points')::double, 3) as points,
        reference is null and (content ->> '$.reference') is null and (
            select max(epoch) = 0 from raw.experiment_cells where experiment = $experiment and version = $version
        ) as is_reference_run
    from raw.experiments
    where experiment = $experiment and version = $version
),

evaluated as (
    select
        subject_of(source, behaviour, seed, 0) as subject,
        source,
        coalesce(behaviour, 'convergence') as behaviour,
        seed,
        persona,
        metric,
        coalesce(detector, '') as detector,
        item_id,
        value,
        base_sha
    from raw.checkpoint_evals
    where experiment = $experiment and version = $version and epoch = 0
),

reference as (
    select
        evals.source,
        coalesce(evals.behaviour, 'convergence') as behaviour,
        evals.persona,
        evals.metric,
        coalesce(evals.detector, '') as detector,
        evals.item_id,
        evals.base_sha,
        avg(evals.value) as value
    from raw.checkpoint_evals as evals
    inner join registered on registered.reference = evals.experiment || '@' || evals.version
    where evals.epoch = 0
    group by all
),

compared as (
    select
        evaluated.subject,
        if(
            evaluated.behaviour = 'convergence',
            evaluated.metric,
            evaluated.behaviour || if(evaluated.metric = 'accuracy_norm', ' (by length)', '')
        ) || ' of ' || evaluated.persona
        || if(evaluated.detector in ('', 'rule', 'logprob', 'kernel'), '', ' by ' || evaluated.detector) as what,
        evaluated.persona,
        evaluated.metric,
        evaluated.detector,
        count(*) as n_items,
        avg(evaluated.value) as mean_now,
        avg(reference.value) as mean_then,
        avg(evaluated.value - reference.value) as difference,
        coalesce(stddev_samp(evaluated.value - reference.value) / sqrt(count(*)), 0) as standard_error,
        evaluated.metric in ('accuracy', 'accuracy_norm') as is_accuracy,
        evaluated.metric in ('alignment', 'answer') or evaluated.metric like 'similarity%' as is_score
    from evaluated
    inner join reference using (source, behaviour, persona, metric, detector, item_id)
    where evaluated.value is not null and reference.value is not null
    group by all
),

tests as (
    select
        *,
        case
            when abs(difference) < 1e-12 then 1.0
            when standard_error < 1e-12 then 0.0
            else
                -- two-sided p of a normal deviate: Abramowitz and Stegun 7.1.26, error below 2e-7
                (
                    0.254829592 * t - 0.284496736 * t ** 2 + 1.421413741 * t ** 3 - 1.453152027 * t ** 4
                    + 1.061405429 * t ** 5
                ) * exp(-((difference / standard_error) ** 2) / 2)
        end as p_value
    from (
        select *, 1 / (1 + 0.3275911 * abs(difference) / nullif(standard_error, 0) / sqrt(2)) as t
        from compared
        where not is_accuracy
    )
),

ranked as (
    select *, row_number() over (order by p_value, subject, persona, metric, detector) as place, count(*) over () as n_tests
    from tests
),

adjusted as (
    select *, max(p_value * (n_tests - place + 1)) over (order by place) as p_adjusted
    from ranked
),

findings as (
    select
        subject,
        1 as rank,
        abs(difference) as size,
        what || ' at epoch 0 is ' || format('{:.1f} %', 100 * mean_now)
        || ', the reference run ' || registered.reference || ' has ' || format('{:.1f} %', 100 * mean_then)
        || ', tolerance ' || format('{:g}', points) || ' points over ' || n_items || ' items' as evidence
    from compared
    cross join registered
    where is_accuracy and not abs(difference) * 100 <= points + 1e-9
    union all by name
    select
        subject,
        1 as rank,
        abs(difference) as size,
        what || ' at epoch 0 is '
        || if(is_score, format('{:.3f}', mean_now), format('{:.1f} %', 100 * mean_now))
        || ', the reference run ' || registered.reference || ' has '
        || if(is_score, format('{:.3f}', mean_then), format('{:.1f} %', 100 * mean_then))
        || ', tolerance 2 standard errors ('
        || if(is_score, format('{:.3f}', 2 * standard_error), format('{:.1f} points', 200 * standard_error))
        || ', Holm-corrected) over ' || n_items || ' items' as evidence
    from adjusted
    cross join registered
    where p_adjusted < 0.0455
    union all by name
    select distinct
        '' as subject,
        2 as rank,
        0 as size,
        'the base at epoch 0 is ' || left(evaluated.base_sha, 12) || ', that of the reference run '
        || registered.reference || ' is ' || left(reference.base_sha, 12) || ', tolerance none' as evidence
    from evaluated
    cross join registered
    cross join (select distinct base_sha from reference) as reference
    where evaluated.base_sha <> reference.base_sha
    union all by name
    select
        '' as subject,
        3 as rank,
        0 as size,
        case
            when reference is null and (content ->> '$.reference') is not null
                then 'the reference run ' || (content ->> '$.reference') || ' that ' || name
                    || ' names is not published, so nothing shows that its epoch 0 is where it should be'
            when reference is null
                then name || ' names no reference run, so nothing shows that its epoch 0 is where it should be'
            when not exists (from reference)
                then 'the lake has no epoch 0 of the reference run ' || reference || ' that ' || name || ' names'
            else 'epoch 0 of ' || name || ' has no source, behaviour, persona and item in common with the reference run '
                || reference
        end as evidence
    from registered
    where not exists (from compared) and not coalesce(is_reference_run, false)
)

-- the furthest value, then what may explain it (the base), then the rest
select subject, evidence
from findings
order by
    case
        when rank = 1 and row_number() over (partition by rank order by size desc, subject, evidence) > 1 then 3
        else rank
    end,
    size desc, subject, evidence
