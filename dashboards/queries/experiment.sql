-- One version of a persona experiment: what was registered, and where it stands. Grain: one row.
-- verdict: of its newest audit; null before the first. snapshot_id: of its newest publication; null without one.
-- superseded_by: the newest later version of the same name; null where there is none.
with verdicts as (
    select verdict, detail, break_id
    from ops.verdicts
    where
        wave_id = $wave_id
        and scope = 'wave'
        and audit_id = (select max(audit_id) from ops.verdicts where wave_id = $wave_id and scope = 'wave')
    order by verdict, break_id
    limit 1
),

publications as (
    select snapshot_id, published_at
    from ops.publications
    where wave_id = $wave_id
    order by published_at desc
    limit 1
)

select
    experiments.experiment,
    experiments.version,
    experiments.target,
    experiments.canary,
    experiments.headline_epoch,
    experiments.criteria,
    experiments.reference,
    experiments.base_sha,
    experiments.experiment_sha,
    experiments.registered_at,
    experiments.code_version,
    experiments.command,
    verdicts.verdict,
    verdicts.detail,
    verdicts.break_id,
    publications.snapshot_id,
    publications.published_at,
    (
        select max(later.version)
        from raw.experiments as later
        where later.experiment = experiments.experiment and later.version > experiments.version
    ) as superseded_by
from raw.experiments as experiments
left join verdicts on true
left join publications on true
where experiments.experiment = $experiment and experiments.version = $version
