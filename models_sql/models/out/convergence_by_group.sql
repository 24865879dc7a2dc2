-- Whether models of one group answer more alike than models of different estimates.
-- Grain: (wave_id, capability, kernel, grouping, group_name); group_name `(all)` takes every group together.
-- difference = within - between. Null with a reason where a side has no pair; intervals are null under 3 models and
-- where leaving out one model would leave no pair.
select
    waves.wave_id,
    waves.wave_date,
    waves.panel,
    waves.wave_kind,
    estimates.capability,
    estimates.kernel,
    estimates.grouping,
    estimates.group_name,
    estimates.n_models,
    estimates.n_other_models,
    estimates.n_within_pairs,
    estimates.n_between_pairs,
    estimates.n_prompts,
    estimates.within_convergence,
    estimates.within_ci_low,
    estimates.within_ci_high,
    estimates.between_convergence,
    estimates.between_ci_low,
    estimates.between_ci_high,
    estimates.difference,
    estimates.difference_ci_low,
    estimates.difference_ci_high,
    estimates.reason
from {{ ref('group_estimates') }} as estimates
inner join {{ ref('waves') }} as waves using (wave_id)
