-- How fast a measure moves: Theil-Sen slope per 30 days over matched differences.
-- Grain: (measure, panel, model, capability, kernel, first_wave_id). Series of under 3 waves have no row.
-- Interval: 95 %, Sen's, null under 5 waves. A new series begins where the measure stops meaning the same: another
-- battery, another baseline, or neighbouring waves without a scored pair in common. MMD squared and plain distance are
-- two series.
with bounds as (
    select
        series_key,
        any_value(measure) as measure,
        any_value(panel) as panel,
        any_value(model) as model,
        any_value(capability) as capability,
        any_value(kernel) as kernel,
        arg_min(wave_id, place) as first_wave_id,
        arg_max(wave_id, place) as wave_id,
        max(wave_date) as wave_date,
        arg_min(value, place) as first_value,
        arg_max(value, place) as last_value
    from {{ ref('series') }}
    group by series_key
)

select
    bounds.wave_id,
    bounds.wave_date,
    bounds.panel,
    bounds.measure,
    bounds.model,
    bounds.capability,
    bounds.kernel,
    bounds.first_wave_id,
    slopes.n_waves,
    slopes.n_days,
    bounds.first_value,
    bounds.last_value,
    slopes.slope as slope_30_days,
    slopes.ci_low,
    slopes.ci_high
from bounds
inner join {{ ref('series_slopes') }} as slopes using (series_key)
