-- How fast convergence and each model's drift move, series that end with this wave. Grain: (measure, model, kernel).
-- slope_30_days: Theil-Sen slope per 30 days; its interval is null under 5 waves. A series of under 3 waves has no row.
select
    measure,
    model,
    kernel,
    first_wave_id,
    n_waves,
    n_days,
    first_value,
    last_value,
    slope_30_days,
    ci_low,
    ci_high
from out.trend
where wave_id = $wave_id and capability = 'overall' and (kernel = 'combined' or measure = 'convergence')
order by measure, model, kernel, first_wave_id
