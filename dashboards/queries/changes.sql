-- Convergence of the wave against earlier ones, on the models and prompts answered in both.
-- Grain: (reference_kind, capability, kernel). change: this wave less the reference; null: see reason.
select
    reference_kind,
    reference,
    capability,
    kernel,
    reference_convergence,
    convergence,
    change,
    ci_low,
    ci_high,
    n_models,
    n_prompts,
    reason
from out.convergence_change
where wave_id = $wave_id
order by reference_kind, capability <> 'overall', capability, kernel
