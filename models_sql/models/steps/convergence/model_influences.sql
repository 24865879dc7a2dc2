-- What each score changes by when one model is left out; for a model's own score, one of the others.
-- Grain: (grid_key, capability, kernel, subject_key, left_out_key). Null where nothing would be left.
with members as (
    select
        grid_key,
        capability,
        kernel,
        subject_key,
        unnest(case when subject_key <= 0 then [model_a, model_b] else [other_key] end) as left_out_key,
        convergence
    from {{ ref('pair_subjects') }}
),

sums as (
    select
        grid_key,
        capability,
        kernel,
        subject_key,
        left_out_key,
        count(*) as n_pairs,
        {{ exact_sum('convergence') }} as total
    from members
    group by grid_key, capability, kernel, subject_key, left_out_key
)

select
    sums.grid_key,
    sums.capability,
    sums.kernel,
    sums.subject_key,
    sums.left_out_key,
    (scores.convergence * scores.n_pairs - sums.total) / nullif(scores.n_pairs - sums.n_pairs, 0)
    - scores.convergence as influence
from sums
inner join {{ ref('subject_scores') }} as scores using (grid_key, capability, kernel, subject_key)
