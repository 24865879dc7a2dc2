-- How alike each pair of models answered in the wave. Grain: (model_a < model_b). Interval over prompts only.
select model_a, model_b, convergence, ci_low, ci_high, match, chance, ceiling, n_prompts
from out.convergence_by_pair
where wave_id = $wave_id and capability = 'overall' and kernel = 'combined'
order by model_a, model_b
