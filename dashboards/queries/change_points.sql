-- Where a series of the panel changed its level, up to this wave. Grain: (measure, model, kernel, method, wave_id).
-- cusum alarms as it runs; pelt reads the whole series. size: mean after less mean before. No row: no change found.
select
    measure,
    model,
    kernel,
    method,
    wave_id,
    detected_wave_id,
    size,
    statistic,
    n_before,
    n_after,
    first_wave_id,
    n_waves
from out.change_points
where
    panel = $panel
    and wave_date <= $wave_date
    and capability = 'overall'
    and (kernel = 'combined' or measure = 'convergence')
order by measure, model, kernel, method, wave_date, wave_id
