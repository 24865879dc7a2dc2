-- Every run of a persona experiment, newest first. Grain: (wave_id), which is experiment/NAME@VERSION.
select wave_id, status, started_at
from ops.waves
where wave_kind = 'experiment'
order by started_at desc, wave_id desc
