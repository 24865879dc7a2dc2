-- Usable answers that a verdict keeps out of core.responses, with every break that decided it.
-- Grain: (wave_id, model_requested, prompt_id, sample_index, purpose).
-- A failed wave keeps out all of its answers, unless it is this build's candidate and is about to be audited again.
select
    cells.wave_id,
    cells.model_requested,
    cells.prompt_id,
    cells.sample_index,
    cells.purpose,
    cells.attempt,
    string_agg(distinct verdicts.break_id, ', ' order by verdicts.break_id) as break_id,
    string_agg(distinct verdicts.detail, ' ' order by verdicts.detail) as reason
from {{ ref('cell_attempts') }} as cells
inner join {{ ref('newest_verdicts') }} as verdicts
    on cells.wave_id = verdicts.wave_id
    and (
        (verdicts.scope = 'wave' and cells.wave_id not in (select wave_id from {{ ref('waves') }}))
        or (verdicts.scope = 'model' and cells.model_requested = verdicts.model)
        or (
            verdicts.scope = 'row'
            and cells.model_requested = verdicts.model
            and cells.prompt_id = verdicts.prompt_id
            and cells.sample_index = verdicts.sample_index
        )
    )
where cells.outcome = 'ok' and verdicts.verdict = 'failed'
group by all
