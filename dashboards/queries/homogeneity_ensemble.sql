-- Whether n models asked once give more really different answers than one model asked n times. Grain: (capability, kernel).
-- Effective numbers are Vendi scores, 1 to n_answers. difference = models - repeats; a null has a reason.
select
    capability,
    kernel,
    n_answers,
    models_effective,
    models_ci_low,
    models_ci_high,
    repeats_effective,
    repeats_ci_low,
    repeats_ci_high,
    difference,
    ci_low,
    ci_high,
    n_models,
    n_prompts,
    n_sets,
    reason
from out.homogeneity_ensemble
where wave_id = $wave_id and capability = 'overall'
order by kernel
