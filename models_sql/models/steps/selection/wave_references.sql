-- The waves that a wave is compared with: the one before it and the first of its panel, under the same battery.
-- Grain: (wave_id, reference_kind). The first wave of a panel and battery has none.
with numbered as (
    select
        *,
        lag(wave_id) over waves_in_order as previous_wave_id,
        first_value(wave_id) over waves_in_order as first_wave_id
    from {{ ref('waves') }}
    window waves_in_order as (partition by panel, battery_sha order by wave_date, wave_id)
)

select wave_id, 'previous' as reference_kind, previous_wave_id as reference
from numbered
where previous_wave_id is not null

union all

select wave_id, 'first' as reference_kind, first_wave_id as reference
from numbered
where first_wave_id <> wave_id
