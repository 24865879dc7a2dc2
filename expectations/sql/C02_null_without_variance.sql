-- Drift tests whose null distribution has no spread although the answers changed. One row a test.
select
    null as model_requested,
    null as prompt_id,
    null as sample_index,
    model || ', ' || capability || ', ' || kernel || ' against ' || reference || ': drift ' || drift
    || ' under a null with SD ' || noise as evidence
from out.drift_by_model
where wave_id = $wave_id and noise < 1e-9 and (drift <> 0 or p_value < 1)
order by all
