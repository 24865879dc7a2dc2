-- Which checkpoint answered for a model in a wave, and where the same training was asked at epoch 0 and at the first
-- epoch after it, under the same battery and configuration.
-- Grain: (wave_id, model); models that are no checkpoint have no row. References are the earliest, not after the wave.
with served as (
    select
        evals.wave_id,
        evals.model,
        min(evals.experiment) as experiment,
        min(evals.base_sha) as base_sha,
        min(evals.epoch) as epoch
    from {{ source('raw', 'checkpoint_evals') }} as evals
    where evals.serves and evals.wave_id is not null and evals.epoch is not null
    group by evals.wave_id, evals.model
),

answered as (
    select distinct wave_id, model
    from {{ ref('format_counts') }}
),

series as (
    select
        served.*,
        waves.wave_date,
        concat_ws(
            ' ', waves.panel, waves.battery_sha, models.config_sha, models.purpose, served.experiment, served.base_sha
        ) as series_key
    from served
    inner join answered using (wave_id, model)
    inner join {{ ref('waves') }} as waves using (wave_id)
    inner join {{ ref('model_waves') }} as models
        on served.wave_id = models.wave_id and served.model = models.model_requested
),

earlier as (
    select
        later.wave_id,
        later.model,
        min({
            'wave_date': before.wave_date, 'wave_id': before.wave_id, 'model': before.model
        }) filter (before.epoch = 0) as origin,
        min({
            'epoch': before.epoch, 'wave_date': before.wave_date, 'wave_id': before.wave_id, 'model': before.model
        }) filter (before.epoch > 0) as first_step
    from series as later
    inner join series as before
        on later.series_key = before.series_key
        and (before.wave_date, before.wave_id) <= (later.wave_date, later.wave_id)
    group by later.wave_id, later.model
)

select
    series.wave_id,
    series.model,
    series.experiment,
    series.epoch,
    earlier.origin.wave_id as origin_wave_id,
    earlier.origin.model as origin_model,
    earlier.first_step.epoch as first_epoch,
    earlier.first_step.wave_id as first_wave_id,
    earlier.first_step.model as first_model
from series
inner join earlier using (wave_id, model)
