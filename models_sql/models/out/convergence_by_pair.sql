-- How alike two models answered in one wave, chance taken out.
-- Grain: (wave_id, capability, kernel, model_a, model_b), model_a before model_b by name.
-- convergence: 0 = no more alike than answers to different questions, 1 = identical. A pair that shares fewer than
-- 5 prompts of a capability has no row there, and overall is null where one capability has no row or is null.
-- Interval: jackknife over prompts, the two models taken as given. p_value: prompt labels permuted, semantic only.
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
    scores.convergence - half_widths.half_width as ci_low,
    scores.convergence + half_widths.half_width as ci_high,
    tests.p_value,
    tests.noise,
    tests.n_draws,
    tests.seed,
    scores.relative,
    case
        when scores.convergence is not null then null
        when scores.capability = 'overall' then 'a capability has no convergence'
        else 'answers to different prompts are as alike as can be (chance is 1)'
    end as reason
from {{ ref('pair_scores') }} as scores
inner join {{ ref('grids') }} as grids on scores.grid_key = grids.grid_key and grids.reference is null
inner join {{ ref('waves') }} as waves using (wave_id)
inner join {{ ref('model_keys') }} as model_a on scores.model_a = model_a.model_key
inner join {{ ref('model_keys') }} as model_b on scores.model_b = model_b.model_key
left join {{ ref('pair_half_widths') }} as half_widths
    on scores.grid_key = half_widths.grid_key
    and scores.capability = half_widths.capability
    and scores.kernel = half_widths.kernel
    and scores.model_a = half_widths.model_a
    and scores.model_b = half_widths.model_b
left join {{ ref('permutation_tests') }} as tests
    on scores.grid_key = tests.grid_key
    and scores.capability = tests.capability
    and scores.kernel = 'semantic'
    and scores.model_a = tests.model_a
    and scores.model_b = tests.model_b
