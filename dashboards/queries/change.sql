-- Convergence of the wave against earlier ones, on the models and prompts answered in both. Grain: (reference_kind).
-- change: score of this wave minus score of the reference; null: see reason.
select reference_kind, reference, change, ci_low, ci_high, n_models, n_prompts, unmatched_models, unmatched_prompts, reason
from out.convergence_change
where wave_id = $wave_id and capability = 'overall' and kernel = 'combined'
order by reference_kind desc
