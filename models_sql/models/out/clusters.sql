-- Which models of a wave answer alike: average linkage on 1 - combined convergence.
-- Grain: (wave_id, capability, model). How far two models are apart is out.cluster_pairs. A null has a reason; a wave
-- in which no two models have a convergence has one row, of model `(all)`.
with missing as (
    select wave_id, capability
    from {{ ref('wave_capabilities') }}
    anti join {{ ref('cluster_estimates') }} as found using (wave_id, capability)
)

select
    waves.wave_id,
    waves.wave_date,
    waves.panel,
    waves.wave_kind,
    estimates.capability,
    models.model,
    estimates.n_models,
    estimates.n_clusters,
    estimates.cluster,
    estimates.place,
    estimates.silhouette,
    estimates.mean_silhouette,
    estimates.stability,
    estimates.n_resamples,
    estimates.seed,
    estimates.reason
from {{ ref('cluster_estimates') }} as estimates
inner join {{ ref('waves') }} as waves using (wave_id)
inner join {{ ref('model_keys') }} as models on estimates.model_a = models.model_key
where estimates.model_a = estimates.model_b

union all

select
    waves.wave_id,
    waves.wave_date,
    waves.panel,
    waves.wave_kind,
    missing.capability,
    '(all)' as model,
    0 as n_models,
    null as n_clusters,
    null as cluster,
    null as place,
    null as silhouette,
    null as mean_silhouette,
    null as stability,
    null as n_resamples,
    null as seed,
    'no two models have a convergence' as reason
from missing
inner join {{ ref('waves') }} as waves using (wave_id)
