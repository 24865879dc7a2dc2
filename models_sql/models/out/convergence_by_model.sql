-- How alike each model answered to the others of its wave: the mean over its pairs.
-- Grain: (wave_id, capability, kernel, model). Interval: two-way jackknife over the other models and the prompts,
-- null under 3 models. p_value: prompt labels permuted within each model (semantic kernel only), one-sided.
-- A model that answered and has no score has its row all the same, with n = 0 and the reason.
select
    waves.wave_id,
    waves.wave_date,
    waves.panel,
    waves.wave_kind,
    models.model,
    scores.capability,
    scores.kernel,
    scores.n_models,
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
    cast(null as varchar) as reason
from {{ ref('subject_scores') }} as scores
inner join {{ ref('grids') }} as grids on scores.grid_key = grids.grid_key and grids.reference is null
inner join {{ ref('waves') }} as waves using (wave_id)
inner join {{ ref('model_keys') }} as models on scores.subject_key = models.model_key
left join {{ ref('estimates') }} as estimates
    on scores.grid_key = estimates.grid_key
    and scores.subject_key = estimates.subject_key
    and estimates.reference is null
left join {{ ref('half_widths') }} as half_widths
    on estimates.estimate_key = half_widths.estimate_key
    and scores.capability = half_widths.capability
    and scores.kernel = half_widths.kernel
left join {{ ref('permutation_tests') }} as tests
    on scores.grid_key = tests.grid_key
    and scores.capability = tests.capability
    and scores.kernel = 'semantic'
    and scores.subject_key = tests.model_a
    and tests.model_b = 0

union all by name

select
    waves.wave_id,
    waves.wave_date,
    waves.panel,
    waves.wave_kind,
    models.model,
    unscored.capability,
    unscored.kernel,
    0 as n_models,
    0 as n_prompts,
    unscored.reason
from {{ ref('unscored') }} as unscored
inner join {{ ref('waves') }} as waves using (wave_id)
inner join {{ ref('model_keys') }} as models on unscored.subject_key = models.model_key
