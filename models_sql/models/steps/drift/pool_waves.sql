-- The waves of every model in order, for the test of models that answer once a prompt against a pool of earlier waves.
-- Grain: wave_key. series_key: one panel and model. night_key: one wave of all its models, in order. n_draws: permutations that let the smallest p alarm after Holm.
select
    cast(row_number() over (order by panel, model, wave_date, wave_id) as integer) as wave_key,
    cast(dense_rank() over (order by panel, model) as integer) as series_key,
    cast(dense_rank() over (order by wave_date, wave_id) as integer) as night_key,
    wave_id,
    model,
    configuration,
    identity_sha,
    is_single,
    answers_sha,
    confirmation_sha,
    cast(greatest(
        {{ var('drift_draws') }},
        ceil(2 / {{ var('alarm_level') }} * sum(3 * (n_capabilities + 1)) over (partition by wave_id)) - 1
    ) as integer) as n_draws
from {{ ref('drift_observed') }}
