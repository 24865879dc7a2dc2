-- What each item moved by since epoch 0, of the target, of the canary, and of the one more than of the other.
-- Grain: (experiment, version, source, behaviour, metric, detector, epoch, seed, item_id); epochs after 0.
-- A change is null where one of the values it is taken from is. target_known, canary_known: a value at one of both epochs.
{% set item = 'experiment, version, source, behaviour, metric, detector, seed, item_id' %}
with items as (
    select {{ item }}, epoch, role, value
    from {{ ref('eval_values') }}
    where role in ('target', 'canary')
),

epochs as (
    select distinct experiment, version, source, behaviour, metric, detector, seed, epoch
    from items
    where epoch > 0
),

starts as (
    select {{ item }}, role, value
    from items
    where epoch = 0
),

-- an item that only epoch 0 has is still one that this epoch lacks
pairs as (
    select {{ item }}, epoch, role, value as now_value, null as then_value
    from items
    where epoch > 0

    union all

    select {{ item }}, epoch, role, null as now_value, value as then_value
    from starts
    inner join epochs using (experiment, version, source, behaviour, metric, detector, seed)
),

matched as (
    select
        {{ item }},
        epoch,
        max(now_value) filter (role = 'target') as target_now,
        max(then_value) filter (role = 'target') as target_then,
        max(now_value) filter (role = 'canary') as canary_now,
        max(then_value) filter (role = 'canary') as canary_then
    from pairs
    group by {{ item }}, epoch
)

select
    matched.experiment,
    matched.version,
    matched.source,
    matched.behaviour,
    matched.metric,
    matched.detector,
    matched.epoch,
    matched.seed,
    matched.item_id,
    coalesce(facts.is_share, false) as is_share,
    matched.target_now - matched.target_then as change,
    matched.canary_now - matched.canary_then as canary_change,
    (matched.target_now - matched.target_then) - (matched.canary_now - matched.canary_then) as transfer,
    coalesce(matched.target_now, matched.target_then) is not null as target_known,
    coalesce(matched.canary_now, matched.canary_then) is not null as canary_known
from matched
left join {{ ref('metric_facts') }} as facts using (metric)
