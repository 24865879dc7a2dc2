-- Values that state a product and its parts, like 64 (4 x 4 x 1), and the parts give another one. One row a run.
with metrics as (
    select *
    from raw.foreign_metrics
    where study = $study
    qualify imported_at = max(imported_at) over (partition by source_name)
),

stated as (
    select
        declared.run,
        declared.analysis,
        declared.source,
        declared.behaviour,
        declared.metric,
        declared.value as declared,
        parts.value as product,
        declared.file_row,
        declared.source_name
    from metrics as declared
    inner join metrics as parts
        on parts.source_sha = declared.source_sha
        and parts.file_row = declared.file_row
        and parts.metric = declared.metric || '_product'
)

select
    coalesce(run, nullif(concat_ws('/', analysis, source, behaviour), ''), 'row ' || file_row || ' of ' || source_name)
    as subject,
    metric || ' is declared as ' || format('{:g}', declared) || '; its parts multiply to ' || format('{:g}', product)
    as evidence
from stated
where declared <> product
order by all
