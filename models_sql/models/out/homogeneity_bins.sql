-- How the prompts of a wave spread over how alike their answers are: a histogram of ten bins on [0, 1].
-- Grain: (wave_id, capability, kernel, measure, model, bin). Waves without a number have no rows here; a bin without
-- a prompt is a true 0.
select
    measured.wave_id,
    measured.wave_date,
    measured.panel,
    measured.wave_kind,
    measured.capability,
    measured.kernel,
    measured.measure,
    measured.model,
    cast(bins.bin as integer) as bin,
    bins.bin / 10 as bin_low,
    (bins.bin + 1) / 10 as bin_high,
    estimates.bins[bins.bin + 1] as n_prompts,
    measured.n_prompts as n_prompts_in_all
from {{ ref('homogeneity') }} as measured
left join {{ ref('model_keys') }} as models on measured.model = models.model
inner join {{ ref('homogeneity_estimates') }} as estimates
    on measured.wave_id = estimates.wave_id
    and measured.capability = estimates.capability
    and measured.kernel = estimates.kernel
    and measured.measure = estimates.measure
    and models.model_key is not distinct from estimates.model_key
cross join (select unnest(range(10)) as bin) as bins
where estimates.bins is not null
