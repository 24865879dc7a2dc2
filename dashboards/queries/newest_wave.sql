-- The newest wave of the panel that readers may see. Grain: one row, or none.
select wave_id
from core.waves
where panel = $panel
order by wave_date desc, wave_id desc
limit 1
