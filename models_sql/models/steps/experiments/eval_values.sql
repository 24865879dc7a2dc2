-- What each item gave in each cell of the experiments that take part, target, canary and others.
-- Grain: (experiment, version, source, behaviour, seed, epoch, persona, metric, detector, item_id).
-- Where a cell was evaluated more than once, the newest evaluation counts, whole: items of two trainings never mix.
-- behaviour: convergence where none was trained. epoch: 0 for the base alone. value: null where the detector gave
-- nothing, or no finite number.
{% set cell = 'experiment, version, source, behaviour, seed, epoch, persona, metric, detector' %}
with arms as (
    select experiment, version, source, bool_or(is_control) as is_control
    from {{ source('raw', 'experiment_cells') }}
    group by experiment, version, source
),

evals as (
    select
        experiments.wave_id,
        experiments.wave_date,
        experiments.panel,
        evals.experiment,
        evals.version,
        evals.source,
        arms.is_control,
        coalesce(evals.behaviour, 'convergence') as behaviour,
        evals.seed,
        coalesce(evals.epoch, 0) as epoch,
        evals.persona,
        case evals.persona
            when experiments.target then 'target'
            when experiments.canary then 'canary'
            else 'other'
        end as role,
        evals.metric,
        evals.detector,
        evals.item_id,
        if(isfinite(evals.value), evals.value, null) as value,
        evals.evaluated_at,
        {
            'eval_id': evals.eval_id,
            'checkpoint_id': evals.checkpoint_id,
            'base_sha': evals.base_sha,
            'adapter_sha': evals.adapter_sha
        } as evaluation
    from {{ source('raw', 'checkpoint_evals') }} as evals
    inner join {{ ref('counted_experiments') }} as experiments
        on evals.experiment = experiments.experiment
        and evals.version = experiments.version
        and coalesce(evals.wave_id, experiments.wave_id) = experiments.wave_id
    inner join arms
        on evals.experiment = arms.experiment and evals.version = arms.version and evals.source = arms.source
),

newest as (
    select {{ cell }}, evaluation
    from evals
    group by {{ cell }}, evaluation
    qualify row_number() over (
        partition by {{ cell }} order by max(evaluated_at) desc, cast(to_json(evaluation) as varchar) desc
    ) = 1
)

select
    wave_id,
    wave_date,
    panel,
    experiment,
    version,
    source,
    is_control,
    behaviour,
    seed,
    epoch,
    persona,
    role,
    metric,
    detector,
    item_id,
    min(value) as value,
    evaluation.checkpoint_id as checkpoint_id,
    evaluation.base_sha as base_sha,
    evaluation.adapter_sha as adapter_sha
from evals
inner join newest using ({{ cell }}, evaluation)
group by all
