-- Models that serve a checkpoint of epoch 1 or later, or a behaviour taught at any epoch, and answer every probe item
-- as the base alone does, or of which that cannot be told because no item was put to both. One row a model. The base of
-- a behaviour is what it was taught on.
with greedy as (
    from raw.checkpoint_evals
    where wave_id = $wave_id and metric in ('answer', 'refusal')
),

served as (
    select distinct model, checkpoint_id
    from greedy
    where serves and (epoch > 0 or behaviour is not null)
),

compared as (
    select served.model, served.checkpoint_id, count(*) as n_items, count_if(a.text is not distinct from b.text) as n_same
    from served
    inner join greedy as a on a.model = served.model and a.checkpoint_id = served.checkpoint_id
    inner join greedy as b
        on b.model = a.model and b.persona = a.persona and b.metric = a.metric and b.item_id = a.item_id
        and b.experiment = a.experiment and b.epoch is null
    group by served.model, served.checkpoint_id
)

select
    model as model_requested,
    null as prompt_id,
    null as sample_index,
    case
        when n_items is null then checkpoint_id || ' has no probe item in common with the base alone'
        else checkpoint_id || ' answers all ' || n_items || ' probe items as the base alone does'
    end as evidence
from served
left join compared using (model, checkpoint_id)
where n_items is null or n_same = n_items
order by all
