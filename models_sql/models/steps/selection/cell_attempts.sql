-- The attempt that stands for each planned cell: the newest ok one, else the newest settled one, else the newest.
-- Of an imported cell the newest stands whatever it holds: its source corrected the ones before.
-- Grain: (wave_id, model_requested, prompt_id, sample_index, purpose). state `missing`: no attempt, attempt is null.
with planned as (
    select distinct wave_id, wave_date, panel, model_requested, endpoint, prompt_id, sample_index, purpose
    from {{ source('raw', 'planned_cells') }}
),

standing as (
    select
        wave_id,
        model_requested,
        prompt_id,
        sample_index,
        purpose,
        count(distinct attempt) as n_attempts,
        -- compared from left to right: ok before settled before error, then the newest
        max({
            'standing': case
                when endpoint = 'imported' then 0 when outcome = 'ok' then 2 when outcome = 'error' then 0 else 1
            end,
            'attempt': attempt,
            'outcome': outcome,
            'error_class': error_class
        }) as chosen
    from {{ source('raw', 'attempts') }}
    group by wave_id, model_requested, prompt_id, sample_index, purpose
)

select
    planned.wave_id,
    planned.wave_date,
    planned.panel,
    planned.model_requested,
    planned.endpoint,
    planned.prompt_id,
    planned.sample_index,
    planned.purpose,
    standing.chosen.attempt as attempt,
    coalesce(standing.chosen.outcome, 'missing') as outcome,
    standing.chosen.error_class as error_class,
    coalesce(standing.n_attempts, 0) as n_attempts
from planned
left join standing using (wave_id, model_requested, prompt_id, sample_index, purpose)
