-- The score of every grid and of every model in it: the mean over its pairs.
-- Grain: (grid_key, capability, kernel, subject_key), subject_key below 0 for the pairs of a comparison.
-- n_models: models in the grid, or other models the subject is compared with. n_prompts: the fewest of any pair.
select
    grid_key,
    capability,
    kernel,
    subject_key,
    case
        when subject_key <= 0 then len(list_distinct(flatten(list([model_a, model_b]))))
        else count(*)
    end as n_models,
    count(*) as n_pairs,
    min(n_prompts) as n_prompts,
    {{ exact_mean('match') }} as match,
    {{ exact_mean('chance') }} as chance,
    {{ exact_mean('ceiling') }} as ceiling,
    {{ exact_mean('convergence') }} as convergence,
    {{ exact_mean('relative') }} as relative
from {{ ref('pair_subjects') }}
group by grid_key, capability, kernel, subject_key
