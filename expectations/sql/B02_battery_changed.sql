-- Published earlier waves that asked another text under this wave's battery name and version. One row
-- a differing sha; the wave is its own earlier wave when it holds two shas itself. Waves that were
-- quarantined do not count: a battery that was put right must pass again.
with used as (
    select distinct prompts.wave_id, prompts.wave_date, battery, battery_version, prompts.battery_sha
    from raw.prompts
    inner join ops.waves using (wave_id)
    where wave_id = $wave_id or waves.status = 'published'
)

select
    null as model_requested,
    null as prompt_id,
    null as sample_index,
    now.battery || ' ' || now.battery_version || ' is ' || left(now.battery_sha, 12) || ' here and '
    || left(earlier.battery_sha, 12) || ' in ' || max(earlier.wave_id) as evidence
from used as now
inner join used as earlier
    on earlier.battery = now.battery
    and earlier.battery_version = now.battery_version
    and earlier.battery_sha <> now.battery_sha
    and earlier.wave_date <= now.wave_date
where now.wave_id = $wave_id
group by now.battery, now.battery_version, now.battery_sha, earlier.battery_sha
order by all
