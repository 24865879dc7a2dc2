-- What the newest audit of the wave kept out. Grain: (scope, model, prompt_id, sample_index, break_id).
select scope, model, prompt_id, sample_index, break_id, n_bad, detail
from ops.verdicts
where
    wave_id = $wave_id
    and verdict = 'failed'
    and audit_id = (select max(audit_id) from ops.verdicts where wave_id = $wave_id)
order by scope = 'wave' desc, scope = 'model' desc, break_id, model, prompt_id, sample_index
