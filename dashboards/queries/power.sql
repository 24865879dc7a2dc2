-- What the wave can tell: the smallest difference found with 80 % power, and the prompts that a given one needs.
-- Grain: (estimate, capability, target_difference), combined kernel. prompts_needed null: add models, not prompts.
select
    estimate,
    reference,
    capability,
    detectable_difference,
    standard_error,
    model_error,
    prompt_error,
    target_difference,
    prompts_needed,
    advice,
    n_models,
    n_prompts
from out.power
where wave_id = $wave_id and kernel = 'combined'
order by estimate = 'score' desc, estimate, capability <> 'overall', capability, target_difference
