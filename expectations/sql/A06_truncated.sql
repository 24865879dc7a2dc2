-- Models with more than 5 % of their answers cut off or without a finish reason. One row a model.
-- An import may lack finish reasons altogether: most sources never recorded them.
with answers as (
    select
        attempts.model_requested,
        attempts.outcome = 'truncated' or attempts.finish_reason is not distinct from 'length' as is_cut,
        attempts.finish_reason is null and waves.wave_kind <> 'imported' as is_unexplained
    from raw.attempts
    inner join ops.waves using (wave_id)
    where wave_id = $wave_id and attempts.purpose <> 'confirmation' and attempts.outcome in ('ok', 'truncated')
)

select
    model_requested,
    null as prompt_id,
    null as sample_index,
    count_if(is_cut) || ' cut off and ' || count_if(is_unexplained and not is_cut) || ' without a finish reason, of '
    || count(*) || ' answers' as evidence
from answers
group by model_requested
having count_if(is_cut or is_unexplained) > 0.05 * count(*)
order by all
