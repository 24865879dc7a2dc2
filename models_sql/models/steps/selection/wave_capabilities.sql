-- What every wave that takes part is measured in: the capabilities of its battery, and overall.
-- Grain: (wave_id, capability). Waves in which no model counts are here too.
with capabilities as (
    select distinct prompts.wave_id, prompts.capability
    from {{ ref('battery_prompts') }} as prompts
    semi join {{ ref('waves') }} as waves on prompts.wave_id = waves.wave_id
)

select wave_id, capability from capabilities
union all
select distinct wave_id, 'overall' as capability from capabilities
