-- Tests whose null distribution has no spread: of drift although the answers changed, of convergence although they
-- have a p. One row a test.
select
    null as model_requested,
    null as prompt_id,
    null as sample_index,
    model || ', ' || capability || ', ' || kernel || ' against ' || reference || ': drift ' || drift
    || ' under a null with SD ' || noise as evidence
from out.drift_by_model
where wave_id = $wave_id and noise < 1e-9 and (drift <> 0 or p_value < 1)
union all
select
    null as model_requested,
    null as prompt_id,
    null as sample_index,
    capability || ', ' || kernel || ': convergence ' || convergence || ' has p ' || p_value || ' under a null with SD '
    || noise as evidence
from out.convergence_by_wave
where wave_id = $wave_id and noise < 1e-9 and p_value is not null
order by all
