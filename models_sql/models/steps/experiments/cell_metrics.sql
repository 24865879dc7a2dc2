-- What each checkpoint of a persona experiment gave, by persona and metric: the mean over the items that have a value.
-- Grain: (experiment, version, source, behaviour, seed, epoch, persona, metric, detector).
-- value: null where no item has one. standard_error: over items; null under two of them.
-- is_share: every value is 0 or 1, of a metric that is a share: its interval is Wilson's.
{% set cell = 'experiment, version, source, behaviour, seed, epoch, persona, metric, detector' %}
with means as (
    select
        wave_id,
        wave_date,
        panel,
        {{ cell }},
        is_control,
        role,
        checkpoint_id,
        base_sha,
        adapter_sha,
        count(value) as n_items,
        count(*) - count(value) as n_missing,
        coalesce(bool_and(value in (0, 1)), false) as is_binary,
        {{ exact_mean('value') }} as value
    from {{ ref('eval_values') }}
    group by all
),

spreads as (
    select {{ cell }}, {{ exact_sum('(items.value - means.value) ^ 2') }} as squares
    from means
    inner join {{ ref('eval_values') }} as items using ({{ cell }})
    group by {{ cell }}
)

select
    means.*,
    means.is_binary and coalesce(facts.is_share, false) as is_share,
    case
        when means.n_items > 1 then sqrt(spreads.squares / (means.n_items - 1) / means.n_items)
    end as standard_error
from means
inner join spreads using ({{ cell }})
left join {{ ref('metric_facts') }} as facts using (metric)
