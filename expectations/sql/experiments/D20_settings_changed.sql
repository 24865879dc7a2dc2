-- More than one setting differs from the version before, so no difference of results has one cause. One row for the
-- version, naming every setting. A setting is a key of the file, or of a block of it.
with versions as (
    select version, content
    from raw.experiments
    where experiment = $experiment and version <= $version
    qualify version >= coalesce(max(version) filter (version < $version) over (), $version)
),

settings as (
    select
        versions.version,
        outer_keys.key || coalesce('.' || inner_keys.key, '') as setting,
        coalesce(inner_keys.value, outer_keys.value)::varchar as value
    from versions
    cross join json_each(versions.content) as outer_keys
    left join lateral (
        select key, value from json_each(if(outer_keys.type = 'OBJECT', outer_keys.value, '{}'))
    ) as inner_keys on true
),

changed as (
    select setting
    from settings
    group by setting
    having count(distinct coalesce(value, 'null')) > 1 or count(*) < (select count(*) from versions)
)

select
    '' as subject,
    count(*) || ' settings differ from version ' || (select min(version) from versions) || ': '
    || string_agg(setting, ', ' order by setting) as evidence
from changed
having count(*) > 1
