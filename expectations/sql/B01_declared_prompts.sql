-- The number of prompts a wave declares against what it holds: distinct prompts planned, and distinct
-- texts (blanks and case ignored). One row a count that differs.
with counts as (
    select
        max(declared_prompts) as declared,
        count(distinct lower(regexp_replace(messages, '\s+', ' ', 'g'))) as texts,
        (select count(distinct prompt_id) from raw.planned_cells where wave_id = $wave_id) as planned
    from raw.prompts
    where wave_id = $wave_id
)

select
    null as model_requested, null as prompt_id, null as sample_index,
    coalesce(declared, 0) || ' prompts declared, ' || planned || ' planned' as evidence
from counts
where declared is distinct from planned
union all
select
    null as model_requested, null as prompt_id, null as sample_index,
    coalesce(declared, 0) || ' prompts declared, ' || texts || ' distinct texts' as evidence
from counts
where declared is distinct from texts
order by all
