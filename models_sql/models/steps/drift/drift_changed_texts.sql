-- How many prompts were not answered with exactly the same texts in both waves of a comparison.
-- Grain: (comparison_key, capability), capability `overall` for all prompts together.
with prompts as (
    select
        comparison_key,
        capability,
        prompt_id,
        list(text_key order by text_key) filter (place < n_now)
        <> list(text_key order by text_key) filter (place >= n_now) as is_changed
    from {{ ref('drift_samples') }}
    group by comparison_key, capability, prompt_id
)

select
    comparison_key,
    case when grouping(capability) = 1 then 'overall' else capability end as capability,
    count(*) as n_prompts,
    count(*) filter (is_changed) as n_changed
from prompts
group by grouping sets ((comparison_key, capability), (comparison_key))
