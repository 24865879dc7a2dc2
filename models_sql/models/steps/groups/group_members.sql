-- Which group every counted model of a wave belongs to, by each fact of its roster.
-- Grain: (wave_id, grouping, model). A model whose roster does not declare the fact has no row.
with rosters as (
    select distinct on (wave_id, model)
        wave_id,
        model,
        provider,
        family,
        architecture,
        region,
        case open_weights when true then 'open weights' when false then 'closed weights' end as open_weights
    from {{ source('raw', 'roster') }}
    order by wave_id, model, provider, family, architecture, region, open_weights
),

facts as (
    unpivot rosters
    on provider, family, architecture, region, open_weights
    into name grouping value group_name
)

select facts.wave_id, facts.grouping, facts.group_name, facts.model, keys.model_key
from facts
inner join (select distinct wave_id, model from {{ ref('measured_answers') }}) as counted using (wave_id, model)
inner join {{ ref('model_keys') }} as keys using (model)
