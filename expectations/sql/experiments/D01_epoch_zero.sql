-- Epoch 0 of an experiment against that of the reference run which was named at registration. One row a finding:
--   accuracy further off than the registered tolerance in points (3 where none is registered);
--   any other metric off by more than 2 standard errors of the paired differences, Holm-corrected over all of them, or a
--   deciding share by more than the registered criterion of its behaviour: a start further off than what counts as a
--   change cannot show one. The tolerance told is the smaller of the two, Holm's as it was at that place;
--   another base than the reference's;
--   a behaviour of which the reference has too little to compare: its deciding metric, of target or canary, on less than
--   90 % of the experiment's items, for every source of the experiment;
--   no reference named, or nothing in common with it.
-- A reference run itself (epoch 0 only, no reference) has nothing to reproduce and no row.
-- An arm is compared with the same source of the reference, over the items that both have. A source that the reference
-- lacks was taught other data at epoch 0, so of such an arm only the base is compared (break D02 compares arms).
with registered as (
    select
        *,
        criteria::json as criteria_of,
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
            evaluated.metric || if(evaluated.metric like 'similarity%', '', ', before it is taught,'),
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
        evaluated.metric in ('alignment', 'answer') or evaluated.metric like 'similarity%' as is_score,
        case when decides(evaluated.detector) then (registered.criteria_of ->> facts.behaviour)::double end as criterion
    from evaluated
    inner join reference using (source, behaviour, persona, metric, detector, item_id)
    cross join registered
    left join deciding_metrics() as facts on facts.metric = evaluated.metric
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
    select
        *,
        max(p_value * (n_tests - place + 1)) over (order by place) as p_adjusted,
        -- deviate of the two-sided level 0.0455 / (tests left): Abramowitz and Stegun 26.2.23, error below 5e-4
        sqrt(-2 * ln(0.0455 / 2 / (n_tests - place + 1))) as root,
        root - (2.515517 + 0.802853 * root + 0.010328 * root ** 2)
        / (1 + 1.432788 * root + 0.189269 * root ** 2 + 0.001308 * root ** 3) as deviate
    from ranked
),

wanted as (
    select behaviour, count(*) as n_wanted
    from raw.eval_items
    where experiment = $experiment and version = $version
    group by all
),

-- what the reference has of each behaviour, over its sources that the experiment has too
shared as (
    select
        items.behaviour,
        personas.persona,
        facts.metric,
        sources.source,
        reference.detector,
        count(distinct reference.item_id) filter (reference.value is not null) as n_shared
    from raw.eval_items as items
    inner join registered using (experiment, version)
    inner join deciding_metrics() as facts using (behaviour)
    cross join unnest([registered.target, registered.canary]) as personas (persona)
    cross join (
        select distinct source from raw.experiment_cells where experiment = $experiment and version = $version
    ) as sources
    left join reference
        on reference.source = sources.source
        and reference.behaviour = items.behaviour
        and reference.persona = personas.persona
        and reference.metric = facts.metric
        and reference.item_id = items.item_id
        and decides(reference.detector)
    group by all
),

lacking as (
    select behaviour, persona, metric, max(n_shared) as n_shared, max(n_wanted) as n_wanted
    from shared
    inner join wanted using (behaviour)
    group by all
    having max(n_shared) < 0.9 * max(n_wanted)
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
        || ', tolerance '
        || case
            when criterion <= deviate * standard_error then format('{:g}', 100 * criterion) || ' points, its criterion,'
            else if(is_score, format('{:.3f}', deviate * standard_error), format('{:.1f} points', 100 * deviate * standard_error))
                || ' (' || format('{:.2f}', deviate) || ' standard errors: 2, Holm-corrected at place ' || place || ' of '
                || n_tests || ' comparisons)'
        end
        || ' over ' || n_items || ' items' as evidence
    from adjusted
    cross join registered
    where p_adjusted < 0.0455 or abs(difference) > criterion + 1e-9
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
        'the reference run ' || registered.reference || ' has ' || lacking.metric || ' of ' || lacking.persona || ' on '
        || n_shared || ' of the ' || n_wanted || ' items of ' || lacking.behaviour
        || ' at most, whatever the source; at least 90 % are needed' as evidence
    from lacking
    cross join registered
    where exists (from compared) and not coalesce(is_reference_run, false)
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
