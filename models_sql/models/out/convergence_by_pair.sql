-- How alike two models answered in one wave, chance taken out.
-- Grain: (wave_id, capability, kernel, model_a, model_b), model_a before model_b by name.
-- convergence: 0 = no more alike than answers to different questions, 1 = identical. A pair that shares fewer than
-- 5 prompts of a capability has no row there, and overall is null where one capability has no row or is null.
select
    waves.wave_id,
    waves.wave_date,
    waves.panel,
    waves.wave_kind,
    scores.capability,
    model_a.model as model_a,
    model_b.model as model_b,
    scores.kernel,
    scores.n_prompts,
    scores.match,
    scores.chance,
    scores.ceiling,
    scores.convergence,
    scores.relative
from {{ ref('pair_scores') }} as scores
inner join {{ ref('grids') }} as grids on scores.grid_key = grids.grid_key and grids.reference is null
inner join {{ ref('waves') }} as waves using (wave_id)
inner join {{ ref('model_keys') }} as model_a on scores.model_a = model_a.model_key
inner join {{ ref('model_keys') }} as model_b on scores.model_b = model_b.model_key
