-- Models whose epoch 0, evaluated this wave, is not the reference run's. One row a finding:
--   no reference run, nothing evaluated at epoch 0 though an adapter answers, or nothing in common;
--   another base (sha of the weights actually loaded);
--   accuracy more than 3 points off, for a persona;
--   fewer than 97 % of the greedy answers equal, for a persona;
--   any other metric off by more than 2 standard errors of the paired differences, for a persona.
-- Checkpoints of persona experiments (version is not null) have no epoch 0 of their own: they start from weights of
-- which raw.checkpoints has the sha, so what was loaded must be that base, that adapter and that template.
with evaluated as (
    from raw.checkpoint_evals
    where wave_id = $wave_id and epoch = 0 and version is null
),

served as (
    select distinct model, checkpoint_id, base_sha, adapter_sha, template_sha
    from raw.checkpoint_evals
    where wave_id = $wave_id and serves and version is not null
),

changed as (
    from served
    anti join raw.checkpoints using (checkpoint_id, base_sha, adapter_sha, template_sha)
),

-- A laboratory trained anew has a reference run of its own; the newest is the one named before this training.
reference as (
    from raw.checkpoint_evals
    where eval_id = experiment || '#reference'
    qualify base_sha = last_value(base_sha) over (
        partition by experiment order by evaluated_at, base_sha
        rows between unbounded preceding and unbounded following
    )
),

adapted as (
    select distinct model_requested as model
    from raw.attempts
    where
        wave_id = $wave_id
        and system_fingerprint like '%+adapter:%'
        and system_fingerprint not like '%+adapter:none%'
),

items as (
    select
        evaluated.model,
        evaluated.experiment,
        evaluated.persona,
        evaluated.metric,
        evaluated.value - reference.value as difference,
        evaluated.value as value_now,
        reference.value as value_then,
        evaluated.text is not distinct from reference.text as is_same_text
    from evaluated
    inner join reference using (experiment, persona, metric, item_id)
),

compared as (
    select
        model,
        experiment,
        persona,
        metric,
        count(*) as n_items,
        avg(value_now) as mean_now,
        avg(value_then) as mean_then,
        avg(difference) as difference,
        stddev_samp(difference) / sqrt(count(difference)) as standard_error,
        avg(is_same_text::int) as same_share
    from items
    group by model, experiment, persona, metric
),

findings as (
    select distinct model, experiment || ' has no reference run' as evidence
    from evaluated
    anti join reference using (experiment)
    union all
    select model, 'an adapter answers for it, but its epoch 0 was not evaluated this wave' as evidence
    from adapted
    anti join evaluated using (model)
    anti join served using (model)
    union all
    select model, checkpoint_id || ' answers for it and is not in raw.checkpoints' as evidence
    from served
    anti join raw.checkpoints using (checkpoint_id)
    union all
    select
        changed.model,
        changed.checkpoint_id || ' was loaded as base ' || left(changed.base_sha, 12) || ', adapter '
        || coalesce(left(changed.adapter_sha, 12), 'none') || ', template ' || left(changed.template_sha, 12)
        || '; trained were base ' || left(trained.base_sha, 12) || ', adapter ' || left(trained.adapter_sha, 12)
        || ', template ' || left(trained.template_sha, 12) as evidence
    from changed
    inner join raw.checkpoints as trained using (checkpoint_id)
    union all
    select distinct model, experiment || ' shares no probe item with its reference run' as evidence
    from evaluated
    semi join reference using (experiment)
    anti join compared using (model)
    union all
    select distinct
        evaluated.model,
        'base ' || left(evaluated.base_sha, 12) || ' was loaded, the reference used ' || left(reference.base_sha, 12)
        as evidence
    from evaluated
    inner join reference using (experiment)
    where evaluated.base_sha <> reference.base_sha
    union all
    select
        model,
        persona || ': accuracy ' || round(mean_now, 4) || ', reference ' || round(mean_then, 4) || ', ' || n_items
        || ' items' as evidence
    from compared
    where metric = 'accuracy' and not abs(difference) <= 0.03 + 1e-9
    union all
    select
        model,
        persona || ': ' || round(100 * same_share, 1) || ' % of ' || n_items || ' greedy answers equal the reference''s'
        as evidence
    from compared
    where metric = 'answer' and same_share < 0.97
    union all
    select
        model,
        persona || ': ' || metric || ' ' || round(mean_now, 4) || ', reference ' || round(mean_then, 4)
        || ', difference beyond 2 SE over ' || n_items || ' items' as evidence
    from compared
    where metric not in ('accuracy', 'answer') and difference <> 0 and abs(difference) > 2 * coalesce(standard_error, 0)
)

select model as model_requested, null as prompt_id, null as sample_index, evidence
from findings
order by all
