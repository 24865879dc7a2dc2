-- Every check of the newest audit of the wave: what failed first, then findings, then what passed. Grain: (check_id).
select check_id, break_id, severity, success, n_bad, detail
from ops.check_results
where wave_id = $wave_id and audit_id = (select max(audit_id) from ops.check_results where wave_id = $wave_id)
order by success, severity, break_id, check_id
