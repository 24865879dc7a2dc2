-- Convergence within and between groups of models, combined, over all capabilities. Grain: (grouping, group_name).
-- group_name `(all)`: every group together. difference = within - between; a null has a reason.
select
    grouping,
    group_name,
    within_convergence,
    within_ci_low,
    within_ci_high,
    between_convergence,
    between_ci_low,
    between_ci_high,
    difference,
    difference_ci_low,
    difference_ci_high,
    n_models,
    n_other_models,
    n_within_pairs,
    n_between_pairs,
    n_prompts,
    reason
from out.convergence_by_group
where wave_id = $wave_id and capability = 'overall' and kernel = 'combined'
order by grouping, group_name <> '(all)', group_name
