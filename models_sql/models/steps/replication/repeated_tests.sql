-- Tests that are made again every wave against one reference under one configuration, in the order of their waves.
-- Grain: (measure, wave_id, model, capability, kernel, feature). Model, kernel, feature: null where the measure has none.
-- is_found: the test claims an effect, by the rule its own table is read by. is_shown: it alone would, at 5 %.
-- strength: how far the estimate lies from nothing, in standard deviations of its null (drift) or half widths of its
-- interval (feature, convergence); larger is stronger, comparable within a measure only.
select
    'drift' as measure,
    wave_id,
    wave_date,
    panel,
    model,
    capability,
    kernel,
    cast(null as varchar) as feature,
    reference,
    drift as estimate,
    p_value,
    (drift - noise_mean) / nullif(noise, 0) as strength,
    is_alarm as is_found,
    p_value < {{ var('replication_alpha') }} as is_shown
from {{ ref('drift_by_model') }}
where reference_kind = 'baseline' and p_value is not null

union all

select
    'feature' as measure,
    wave_id,
    wave_date,
    panel,
    model,
    capability,
    null as kernel,
    feature,
    reference,
    difference as estimate,
    p_value,
    2 * abs(difference) / nullif(ci_high - ci_low, 0) as strength,
    p_adjusted < {{ var('replication_alpha') }} as is_found,
    p_value < {{ var('replication_alpha') }} as is_shown
from {{ ref('drift_of_features') }}
where reference_kind = 'baseline' and p_value is not null

union all

select
    'convergence' as measure,
    wave_id,
    wave_date,
    panel,
    null as model,
    capability,
    kernel,
    null as feature,
    reference,
    change as estimate,
    null as p_value,
    2 * abs(change) / nullif(ci_high - ci_low, 0) as strength,
    ci_low > 0 or ci_high < 0 as is_found,
    ci_low > 0 or ci_high < 0 as is_shown
from {{ ref('convergence_change') }}
where reference_kind = 'first' and ci_low is not null
