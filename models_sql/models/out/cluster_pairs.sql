-- How far two models of a wave are apart, where the tree joins them, and how often they stay together.
-- Grain: (wave_id, capability, model_a, model_b), model_a before model_b by name. Only models that out.clusters places.
select
    waves.wave_id,
    waves.wave_date,
    waves.panel,
    waves.wave_kind,
    estimates.capability,
    model_a.model as model_a,
    model_b.model as model_b,
    estimates.n_prompts,
    estimates.distance,
    estimates.joined_at,
    estimates.same_cluster,
    estimates.stability as together_share,
    estimates.n_resamples,
    estimates.seed
from {{ ref('cluster_estimates') }} as estimates
inner join {{ ref('waves') }} as waves using (wave_id)
inner join {{ ref('model_keys') }} as model_a on estimates.model_a = model_a.model_key
inner join {{ ref('model_keys') }} as model_b on estimates.model_b = model_b.model_key
where estimates.model_a < estimates.model_b
