-- Models that were answered for by a name which is neither the requested one nor among the roster's
-- served_names (glob patterns), and models whose served name changed inside the wave. One row a
-- (model, unknown name), and one a model that changed. A server chooses the name: 120 characters of it are shown.
with served as (
    select model_requested, model_served, count(*) as n_answers
    from raw.attempts
    where wave_id = $wave_id and purpose <> 'confirmation' and outcome <> 'error' and model_served is not null
    group by model_requested, model_served
),

known as (
    select model as model_requested, unnest(from_json(served_names, '["VARCHAR"]')) as pattern
    from raw.roster
    where wave_id = $wave_id
),

unknown as (
    select served.*
    from served
    where
        model_served <> model_requested
        and not exists (
            select 1 from known
            where known.model_requested = served.model_requested and served.model_served glob known.pattern
        )
)

select
    model_requested,
    null as prompt_id,
    null as sample_index,
    n_answers || ' answers came from ' || left(model_served, 120) as evidence
from unknown
union all
select
    model_requested,
    null as prompt_id,
    null as sample_index,
    'the served name changed inside the wave: ' || string_agg(left(model_served, 120), ', ' order by model_served)
    as evidence
from served
group by model_requested
having count(*) > 1
order by all
