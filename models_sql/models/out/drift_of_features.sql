-- What can be read off a model's answers, then and now: length, refusal, hedging, format, latency, tokens.
-- Grain: (wave_id, model, capability, reference_kind, feature). Paired by prompt; the same configuration in both waves only.
-- difference: now - then, mean over prompts answered in both. Rules are called rules: a rule is not a judge.
-- p_adjusted: Benjamini-Hochberg over the tests of a wave and reference kind (1995, JRSS B 57): for exploration, no alarm.
with tests as (
    select
        compared.wave_id,
        compared.model,
        compared.reference_kind,
        compared.reference,
        compared.inputs_sha,
        found.* exclude (comparison_key)
    from {{ ref('drift_references') }} as compared
    inner join {{ ref('feature_tests') }} as found using (comparison_key)
    where not compared.is_confirmation

    union all by name

    select
        compared.wave_id,
        compared.model,
        compared.reference_kind,
        compared.reference,
        stored.*
    from {{ ref('drift_references') }} as compared
    inner join {{ ref('feature_stored') }} as stored using (inputs_sha)
    where not compared.is_confirmation and not compared.configuration_changed
),

-- the r-th smallest of m values of p becomes p * m / r, and never more than a larger one
ranked as (
    select
        *,
        p_value * count(*) over (partition by wave_id, reference_kind)
        / row_number() over (
            partition by wave_id, reference_kind order by p_value, model, capability, feature
        ) as scaled
    from tests
)

select
    waves.wave_id,
    waves.wave_date,
    waves.panel,
    waves.wave_kind,
    ranked.model,
    models.purpose,
    ranked.capability,
    ranked.reference_kind,
    ranked.reference,
    ranked.feature,
    ranked.method,
    ranked.mean_now,
    ranked.mean_then,
    ranked.difference,
    ranked.ci_low,
    ranked.ci_high,
    ranked.p_value,
    least(1, min(ranked.scaled) over (
        partition by ranked.wave_id, ranked.reference_kind
        order by ranked.p_value desc, ranked.model desc, ranked.capability desc, ranked.feature desc
        rows between unbounded preceding and current row
    )) as p_adjusted,
    ranked.n_prompts,
    ranked.n_draws,
    ranked.seed,
    ranked.inputs_sha
from ranked
inner join {{ ref('waves') }} as waves using (wave_id)
inner join {{ ref('model_waves') }} as models
    on ranked.wave_id = models.wave_id and ranked.model = models.model_requested
