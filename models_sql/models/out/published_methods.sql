-- Measures of a published screening, frozen as they were published, beside ours and never mixed with them: they know
-- no chance level, no interval and no bad answer, and two of them depend on the order of their arguments.
-- Grain: (wave_id, method, variant, level, model_a, model_b).
-- score: 0-1, 1 = alike. A pair's own; a model's: mean over the other models; a wave's: mean over its models, but of
-- hybrid computed from the mean divergences, as published. sd: over the models of the wave, n - 1; null but for waves.
with ratios as (
    select
        ratios.wave_id,
        'sequence_ratio' as method,
        orders.variant,
        ratios.model_a,
        ratios.model_b,
        ratios.n_answers,
        case
            when orders.variant = 'both ways' then (ratios.ab + ratios.ba) / 2
            when orders.variant = 'sorted' or ratios.is_a_first then ratios.ab
            else ratios.ba
        end as score
    from {{ ref('sequence_ratios') }} as ratios
    cross join (values ('file order'), ('sorted'), ('both ways')) as orders (variant)
),

hybrids as (
    select
        wave_id,
        'hybrid' as method,
        variant,
        model_a,
        model_b,
        cast(sum(n_answers) as bigint) as n_answers,
        {{ exact_mean('0.4 * cosine + 0.6 * (0.6 * exp(-kl) + 0.4 * (1 - js))') }} as score
    from {{ ref('hybrid_parts') }}
    group by wave_id, variant, model_a, model_b
),

pairs as (
    select wave_id, 'length_refusal' as method, 'any order' as variant, model_a, model_b, n_answers, score
    from {{ ref('length_refusal_pairs') }}

    union all by name
    select * from ratios

    union all by name
    select * from hybrids
),

models as (
    select
        wave_id,
        method,
        variant,
        model,
        count(*) as n_pairs,
        min(n_answers) as n_answers,
        favg(score order by other) as score
    from (
        select
            wave_id, method, variant, n_answers, score,
            unnest([model_a, model_b]) as model,
            unnest([model_b, model_a]) as other
        from pairs
    )
    group by wave_id, method, variant, model
),

-- the mean over models of their means over pairs is the mean over pairs, with one rounding less
waves_by_pair as (
    select wave_id, method, variant, favg(score order by model_a, model_b) as score
    from pairs
    group by wave_id, method, variant
),

-- as published: the divergences are averaged over the pairs before they become a score
hybrid_waves as (
    select
        wave_id,
        variant,
        {{ exact_mean('0.4 * cosine + 0.6 * (0.6 * exp(-kl) + 0.4 * (1 - js))') }} as score
    from (
        select
            wave_id,
            variant,
            capability,
            {{ exact_mean('cosine') }} as cosine,
            {{ exact_mean('kl') }} as kl,
            {{ exact_mean('js') }} as js
        from {{ ref('hybrid_parts') }}
        group by wave_id, variant, capability
    )
    group by wave_id, variant
),

levels as (
    select wave_id, method, variant, 'pair' as level, model_a, model_b, 2 as n_models, n_answers, score, null as sd
    from pairs

    union all by name
    select
        wave_id, method, variant, 'model' as level, model as model_a, n_pairs + 1 as n_models, n_answers, score
    from models

    union all by name
    select
        models.wave_id,
        models.method,
        models.variant,
        'wave' as level,
        count(*) as n_models,
        min(models.n_answers) as n_answers,
        any_value(case when models.method = 'hybrid' then hybrid_waves.score else waves_by_pair.score end) as score,
        stddev_samp(models.score order by models.model) as sd
    from models
    inner join waves_by_pair using (wave_id, method, variant)
    left join hybrid_waves using (wave_id, variant)
    group by models.wave_id, models.method, models.variant
)

select
    waves.wave_id,
    waves.wave_date,
    waves.panel,
    waves.wave_kind,
    levels.method,
    levels.variant,
    levels.level,
    levels.model_a,
    levels.model_b,
    cast(levels.n_models as bigint) as n_models,
    levels.n_answers,
    levels.score,
    cast(levels.sd as double) as sd
from levels
inner join {{ ref('waves') }} as waves using (wave_id)
