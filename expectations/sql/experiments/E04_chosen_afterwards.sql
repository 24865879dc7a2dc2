-- Headline epoch or criteria that are not those of the first version: they may have been chosen by the results. One row
-- a change.
with versions as (
    select
        min(version) as first_version,
        first(headline_epoch order by version) as first_epoch,
        last(headline_epoch order by version) as epoch,
        first(criteria::json order by version) as first_criteria,
        last(criteria::json order by version) as criteria
    from raw.experiments
    where experiment = $experiment and version <= $version
),

findings as (
    select 'the headline epoch is ' || epoch || ', version ' || first_version || ' registered ' || first_epoch as evidence
    from versions
    where epoch <> first_epoch
    union all
    select
        'the criterion of ' || behaviour || ' is ' || coalesce((criteria ->> behaviour), 'none')
        || ', version ' || first_version || ' registered ' || coalesce((first_criteria ->> behaviour), 'none') as evidence
    from versions,
        unnest(list_distinct(list_concat(json_keys(criteria), json_keys(first_criteria)))) as keys (behaviour)
    where (criteria ->> behaviour)::double is distinct from (first_criteria ->> behaviour)::double
)

select '' as subject, evidence
from findings
order by all
