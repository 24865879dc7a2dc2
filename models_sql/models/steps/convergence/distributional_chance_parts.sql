-- Chance under the distributional kernel, from answers of a pair to two prompts that follow each other in an
-- order: a link. Both directions and all orders are added up. Order r takes sample r mod K of each side.
-- Grain: (slice_key, model_a, model_b, prompt_key). Prompts whose links share no token are left out: they are 0.
-- chance_part: sum of the kernel over the links that this prompt is an end of; over all prompts every link counts twice.
with set_models as (
    select distinct set_key, unnest([model_a, model_b]) as model_key
    from {{ ref('distributional_shared') }}
),

leading_tokens as (
    select
        orders.set_key,
        orders.order_index,
        orders.prompt_key,
        orders.next_prompt_key,
        tokens.model_key,
        tokens.token_key,
        tokens.frequency
    from {{ ref('chance_orders') }} as orders
    inner join {{ ref('answer_tokens') }} as tokens
        on orders.prompt_key = tokens.prompt_key and orders.order_index % tokens.n_samples = tokens.sample_rank
    semi join set_models on orders.set_key = set_models.set_key and tokens.model_key = set_models.model_key
),

following_tokens as (
    select set_models.set_key, tokens.*
    from {{ ref('answer_tokens') }} as tokens
    inner join set_models on tokens.model_key = set_models.model_key
    semi join {{ ref('chance_orders') }} as orders
        on set_models.set_key = orders.set_key and tokens.prompt_key = orders.prompt_key
),

-- a link counts for the prompt that leads it and for the one that follows
ends as (
    select
        leading_tokens.set_key,
        least(leading_tokens.model_key, following_tokens.model_key) as model_a,
        greatest(leading_tokens.model_key, following_tokens.model_key) as model_b,
        leading_tokens.prompt_key,
        leading_tokens.next_prompt_key,
        {{ bounded_sum(kernel_part('leading_tokens.frequency', 'following_tokens.frequency')) }} as chance_part
    from leading_tokens
    inner join following_tokens
        on leading_tokens.set_key = following_tokens.set_key
        and leading_tokens.next_prompt_key = following_tokens.prompt_key
        and leading_tokens.token_key = following_tokens.token_key
        and leading_tokens.model_key <> following_tokens.model_key
        and leading_tokens.order_index % following_tokens.n_samples = following_tokens.sample_rank
    group by grouping sets (
        (leading_tokens.set_key, model_a, model_b, leading_tokens.prompt_key),
        (leading_tokens.set_key, model_a, model_b, leading_tokens.next_prompt_key)
    )
)

-- models of one set may make a pair that shares more prompts, and that has a set of its own
select
    pairs.slice_key,
    ends.model_a,
    ends.model_b,
    coalesce(ends.prompt_key, ends.next_prompt_key) as prompt_key,
    {{ exact_sum('ends.chance_part') }} as chance_part
from ends
inner join {{ ref('distributional_shared') }} as pairs using (set_key, model_a, model_b)
group by all
