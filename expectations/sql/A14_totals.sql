-- Totals in ops.waves that are not the sums of the wave's rows. One row a total. Judges and confirmation samples cost
-- as answers do, and are no cells of the plan.
-- Costs are compared to a millionth of a dollar: sums of doubles depend on their order.
with sums as (
    select
        count(distinct (model_requested, prompt_id, sample_index, purpose))
            filter (outcome = 'ok' and purpose <> 'confirmation') as ok_cells,
        (
            select sum(cost_usd)
            from (
                select cost_usd from raw.attempts where wave_id = $wave_id
                union all
                select cost_usd from raw.judgements where wave_id = $wave_id
            )
        ) as cost_usd
    from raw.attempts
    where wave_id = $wave_id
),

plan as (
    select count(*) as planned_cells
    from raw.planned_cells
    where wave_id = $wave_id and purpose <> 'confirmation'
),

compared as (
    select
        unnest([
            {'total': 'planned_cells', 'stored': waves.planned_cells::double, 'summed': plan.planned_cells::double},
            {'total': 'ok_cells', 'stored': waves.ok_cells::double, 'summed': sums.ok_cells::double},
            {'total': 'cost_usd', 'stored': waves.cost_usd, 'summed': sums.cost_usd}
        ], recursive := true)
    from ops.waves
    cross join sums
    cross join plan
    where waves.wave_id = $wave_id
)

select
    null as model_requested,
    null as prompt_id,
    null as sample_index,
    total || ' is stored as ' || coalesce(stored::varchar, 'null') || ', the rows give '
    || coalesce(summed::varchar, 'null') as evidence
from compared
where (stored is null) <> (summed is null) or abs(stored - summed) > 1e-6
order by all
