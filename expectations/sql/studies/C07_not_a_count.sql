-- Shares and percentages that no whole number of n answers gives. One row a value.
-- A printed value stands for all that round to it: with d decimals, half a unit of the last one. Where that covers half
-- an answer nothing can be told.
with metrics as (
    select *
    from raw.foreign_metrics
    where study = $study
    qualify imported_at = max(imported_at) over (partition by source_name)
),

counts as (
    select
        *,
        value * n / if(unit = 'share', 1, 100) as hits,
        0.5 * power(10, -length(split_part(value::varchar, '.', 2))) * n / if(unit = 'share', 1, 100) as rounding
    from metrics
    where unit in ('share', 'percent') and n > 0 and value is not null and value::varchar not like '%e%'
)

select
    concat_ws('/', analysis, source, behaviour) || coalesce('@' || epoch, '') as subject,
    metric || coalesce(' by ' || detector, '') || ' is ' || value || if(unit = 'percent', ' %', '') || ' of ' || n
    || ', which is ' || format('{:.6g}', hits) || ' answers (row ' || file_row || ' of ' || source_name || ')' as evidence
from counts
where abs(hits - round(hits)) > rounding + 1e-6
order by all
