-- Analyses of a study that quote another epoch than the first of them (by name). One row an analysis.
with metrics as (
    select *
    from raw.foreign_metrics
    where study = $study
    qualify imported_at = max(imported_at) over (partition by source_name)
),

headlines as (
    select distinct analysis, value as epoch
    from metrics
    where metric = 'headline_epoch'
),

firsts as (
    select *
    from headlines
    order by analysis
    limit 1
)

select
    headlines.analysis as subject,
    'quotes epoch ' || format('{:g}', headlines.epoch) || ', ' || firsts.analysis || ' quoted epoch '
    || format('{:g}', firsts.epoch) as evidence
from headlines
cross join firsts
where headlines.epoch <> firsts.epoch
order by all
