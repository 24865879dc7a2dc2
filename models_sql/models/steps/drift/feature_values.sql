-- What the answers to each prompt were like in both waves of a comparison, one value a feature: the mean over samples.
-- Grain: (comparison_key, prompt_id, feature). Only comparisons that must be computed in this build, and prompts where
-- both waves have a value. Shares are 0-1; a format that neither wave ever used has no rows.
with pending as (
    select distinct comparison_key, wave_id, model, reference
    from {{ ref('drift_references') }}
    where
        not is_confirmation
        and not configuration_changed
        and inputs_sha not in (select inputs_sha from {{ ref('feature_stored') }})
),

answers as (
    select
        responses.wave_id,
        responses.model_requested as model,
        responses.capability,
        responses.prompt_id,
        cast(features.n_chars as double) as n_chars,
        cast(features.n_tokens as double) as n_tokens,
        cast(responses.completion_tokens as double) as completion_tokens,
        cast(responses.latency_ms as double) as latency_ms,
        cast(features.is_refusal_rule as double) as refusal_rule_share,
        cast(features.is_hedging_rule as double) as hedging_rule_share,
        {% for format in ['code', 'table', 'headings', 'numbered_list', 'bullets', 'one_liner', 'prose'] -%}
        cast(features.format_class = '{{ format }}' as double) as format_{{ format }}_share{{ "," if not loop.last }}
        {% endfor %}
    from {{ ref('responses') }} as responses
    inner join {{ ref('response_features') }} as features
        on responses.wave_id = features.wave_id
        and responses.model_requested = features.model_requested
        and responses.prompt_id = features.prompt_id
        and responses.sample_index = features.sample_index
        and responses.purpose = features.purpose
    semi join (
        select wave_id, model from pending
        union
        select reference as wave_id, model from pending
    ) as needed
        on responses.wave_id = needed.wave_id and responses.model_requested = needed.model
    where responses.purpose in ('measure', 'canary')
),

long as (
    unpivot answers
    on columns(* exclude (wave_id, model, capability, prompt_id))
    into name feature value value
),

means as (
    select
        wave_id,
        model,
        any_value(capability) as capability,
        prompt_id,
        feature,
        {{ exact_mean('value') }} as value
    from long
    group by wave_id, model, prompt_id, feature
),

matched as (
    select
        pending.comparison_key,
        then_means.capability,
        then_means.prompt_id,
        then_means.feature,
        now_means.value as now_value,
        then_means.value as then_value
    from pending
    inner join means as now_means using (wave_id, model)
    inner join means as then_means
        on pending.reference = then_means.wave_id
        and pending.model = then_means.model
        and now_means.prompt_id = then_means.prompt_id
        and now_means.feature = then_means.feature
)

select
    comparison_key,
    capability,
    prompt_id,
    feature,
    now_value,
    then_value
from matched
qualify
    not starts_with(feature, 'format_')
    or max(greatest(now_value, then_value)) over (partition by comparison_key, feature) > 0
