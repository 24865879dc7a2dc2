-- For every set of shared prompts and every order of it: which prompt follows which, the first after the last.
-- Orders go by the SHA-256 of "0|capability|order|prompt_id": no random draw, the same digits every time.
-- Grain: (set_key, order_index, prompt_key).
with sets as (
    select set_key, any_value(prompts) as prompts, any_value(n_orders) as n_orders
    from {{ ref('distributional_shared') }}
    group by set_key
),

members as (
    select set_key, n_orders, unnest(prompts) as prompt_key
    from sets
),

ordered as (
    select
        members.set_key,
        orders.order_index,
        members.prompt_key,
        sha256('0|' || keys.capability || '|' || orders.order_index || '|' || keys.prompt_id) as place
    from members
    inner join {{ ref('prompt_keys') }} as keys using (prompt_key)
    cross join lateral (select unnest(range(members.n_orders)) as order_index) as orders
)

select
    set_key,
    cast(order_index as integer) as order_index,
    prompt_key,
    coalesce(
        lead(prompt_key) over (partition by set_key, order_index order by place),
        first_value(prompt_key) over (partition by set_key, order_index order by place)
    ) as next_prompt_key
from ordered
