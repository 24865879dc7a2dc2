-- A model's mean convergence with the other models of the wave. Grain: (model, capability).
select model, capability, convergence, ci_low, ci_high, n_models, n_prompts, reason
from out.convergence_by_model
where wave_id = $wave_id and kernel = 'combined'
order by model, capability
