-- Where a series changed its level. No row: no change found.
-- Grain: (measure, panel, model, capability, kernel, method, wave_id). Series are those of out.trend.
-- cusum alarms as it runs (k = .5, h = 5, self-starting); pelt reads the whole series, 8 waves or more, and may say
-- otherwise once more is known.
with bounds as (
    select series_key, min(wave_id) filter (place = 0) as first_wave_id, count(*) as n_waves
    from {{ ref('series') }}
    group by series_key
)

select
    started.wave_id,
    started.wave_date,
    started.panel,
    started.measure,
    started.model,
    started.capability,
    started.kernel,
    changes.method,
    detected.wave_id as detected_wave_id,
    changes.size,
    changes.statistic,
    changes.n_before,
    changes.n_after,
    bounds.first_wave_id,
    bounds.n_waves
from {{ ref('series_changes') }} as changes
inner join {{ ref('series') }} as started
    on changes.series_key = started.series_key and changes.start = started.place
left join {{ ref('series') }} as detected
    on changes.series_key = detected.series_key and changes.detected = detected.place
inner join bounds on changes.series_key = bounds.series_key
