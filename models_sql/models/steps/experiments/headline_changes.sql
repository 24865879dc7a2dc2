-- What the verdicts are about: the change at the registered headline epoch, over all seeds, of each source and behaviour.
-- Grain: (experiment, version, source, behaviour); one row for every planned pair, with or without a number. The control
-- has no row of its own. Changes are in units of the metric; `gain` is the change in the behaviour's direction.
-- detector: the first that the experiment used of judge, logprob and rule: one for all of its sources, epochs and
-- personas. A classifier decides nothing. is_stuck: it said the same of every answer of every cell, taught or not.
-- untaught: the change of the target by convergence alone, on the same items before any behaviour is taught. A reference run has epoch 0 only, claims nothing and has no row.
with planned as (
    select
        experiment,
        version,
        source,
        behaviour,
        bool_or(is_control) as is_control,
        count(distinct seed) as planned_seeds
    from {{ source('raw', 'experiment_cells') }}
    group by experiment, version, source, behaviour
),

controls as (
    select *
    from planned
    where is_control
),

spans as (
    select experiment, version, metric, detector, min(value) = max(value) as is_stuck
    from {{ ref('cell_metrics') }}
    group by experiment, version, metric, detector
),

detectors as (
    select
        metrics.experiment,
        metrics.version,
        metrics.behaviour,
        arg_min({'detector': metrics.detector, 'is_stuck': spans.is_stuck}, ranks.place) as chosen
    from {{ ref('cell_metrics') }} as metrics
    inner join {{ ref('metric_facts') }} as facts
        on metrics.metric = facts.metric and metrics.behaviour = facts.behaviour
    inner join (values ('judge', 1), ('logprob', 2), ('rule', 3)) as ranks (detector, place)
        on metrics.detector = ranks.detector
    inner join spans
        on metrics.experiment = spans.experiment
        and metrics.version = spans.version
        and metrics.metric = spans.metric
        and metrics.detector = spans.detector
    where metrics.role in ('target', 'canary')
    group by metrics.experiment, metrics.version, metrics.behaviour
),

estimates as (
    select * from {{ ref('change_estimates') }} where seed is null
)

select
    experiments.wave_id,
    experiments.wave_date,
    experiments.panel,
    experiments.experiment,
    experiments.version,
    planned.source,
    planned.behaviour,
    facts.metric,
    detectors.chosen.detector as detector,
    coalesce(detectors.chosen.is_stuck, false) as is_stuck,
    facts.direction,
    experiments.headline_epoch,
    experiments.registered_at,
    case when experiments.newest_version > experiments.version then experiments.newest_version end as superseded_by,
    try_cast(json_extract_string(experiments.criteria, concat('$.', planned.behaviour)) as double) as criterion,
    planned.planned_seeds,
    controls.source is not null as has_control,
    experiments.canary,
    {% for name in ['changes', 'canaries', 'controls_moved', 'untaught', 'transfers'] -%}
    {{ name }}.n_seeds as {{ name }}_seeds,
    {{ name }}.n_items as {{ name }}_n,
    {{ name }}.n_unmatched as {{ name }}_unmatched,
    {{ name }}.value as {{ name }}_value,
    {{ name }}.ci_low as {{ name }}_low,
    {{ name }}.ci_high as {{ name }}_high,
    {{ name }}.reason as {{ name }}_reason,
    {% endfor -%}
    facts.direction * changes.value as gain,
    least(facts.direction * changes.ci_low, facts.direction * changes.ci_high) as gain_low,
    greatest(facts.direction * changes.ci_low, facts.direction * changes.ci_high) as gain_high
from {{ ref('counted_experiments') }} as experiments
inner join planned using (experiment, version)
left join {{ ref('metric_facts') }} as facts on planned.behaviour = facts.behaviour
left join detectors
    on experiments.experiment = detectors.experiment
    and experiments.version = detectors.version
    and planned.behaviour = detectors.behaviour
left join controls
    on experiments.experiment = controls.experiment
    and experiments.version = controls.version
    and planned.behaviour = controls.behaviour
{% for name, subject, arm, behaviour in [
    ('changes', 'change', 'planned', 'planned.behaviour'),
    ('canaries', 'canary_change', 'planned', 'planned.behaviour'),
    ('controls_moved', 'change', 'controls', 'planned.behaviour'),
    ('untaught', 'change', 'planned', "'convergence'"),
    ('transfers', 'transfer', 'planned', 'planned.behaviour')
] -%}
left join estimates as {{ name }}
    on {{ name }}.subject = '{{ subject }}'
    and experiments.experiment = {{ name }}.experiment
    and experiments.version = {{ name }}.version
    and {{ arm }}.source = {{ name }}.source
    and {{ behaviour }} = {{ name }}.behaviour
    and facts.metric = {{ name }}.metric
    and detectors.chosen.detector = {{ name }}.detector
    and experiments.headline_epoch = {{ name }}.epoch
{% endfor -%}
where not planned.is_control and experiments.headline_epoch > 0
