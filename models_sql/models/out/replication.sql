-- How many effects replicate when they are tested again, and whether the stronger ones do so more often.
-- Grain: (measure, panel, capability, kernel, feature, strength_band). A group without any effect has no row.
-- share: same sign and p below alpha, over all effects tested again, 0-1; null with its interval (Wilson, 95 %) where
-- none was. Effects of one model and wave hang together, so the interval is too narrow where a few waves made them all.
-- strength_auc: chance that one that replicated had been stronger than one that did not, ties half; .5 = no more often.
with effects as (
    select
        *,
        median(strength) filter (has_replicated is not null)
            over (partition by measure, panel, capability, kernel, feature) as middle
    from {{ ref('replication_effects') }}
),

banded as (
    select *, 'all' as strength_band from effects

    union all

    select *, if(strength < middle, 'weaker half', 'stronger half') as strength_band
    from effects
    where strength is not null and has_replicated is not null
),

-- Mann and Whitney's U from ranks: ties share the mean of their ranks
ranked as (
    select
        *,
        rank() over (partition by measure, panel, capability, kernel, feature order by strength)
        + (count(*) over (partition by measure, panel, capability, kernel, feature, strength) - 1) / 2.0 as place
    from effects
    where strength is not null and has_replicated is not null
),

separations as (
    select
        measure,
        panel,
        capability,
        kernel,
        feature,
        (
            sum(place) filter (has_replicated)
            - count(*) filter (has_replicated) * (count(*) filter (has_replicated) + 1) / 2.0
        ) / nullif(count(*) filter (has_replicated) * count(*) filter (not has_replicated), 0) as strength_auc
    from ranked
    group by measure, panel, capability, kernel, feature
),

counted as (
    select
        measure,
        panel,
        capability,
        kernel,
        feature,
        strength_band,
        max_by(wave_id, (wave_date, wave_id)) as wave_id,
        max(wave_date) as wave_date,
        count(has_replicated) as n_effects,
        count(*) filter (has_replicated) as n_replicated,
        count(*) filter (has_replicated is null) as n_untested,
        median(strength) as median_strength
    from banded
    group by measure, panel, capability, kernel, feature, strength_band
)

select
    counted.wave_id,
    counted.wave_date,
    counted.measure,
    counted.panel,
    counted.capability,
    counted.kernel,
    counted.feature,
    counted.strength_band,
    counted.n_effects,
    counted.n_replicated,
    counted.n_untested,
    counted.n_replicated / nullif(counted.n_effects, 0) as share,
    case when counted.n_effects > 0 then {{ wilson('counted.n_replicated', 'counted.n_effects', 'low') }} end as ci_low,
    case when counted.n_effects > 0 then {{ wilson('counted.n_replicated', 'counted.n_effects', 'high') }} end as ci_high,
    counted.median_strength,
    case when counted.strength_band = 'all' then separations.strength_auc end as strength_auc,
    cast({{ var('replication_alpha') }} as double) as alpha
from counted
left join separations
    on counted.measure = separations.measure
    and counted.panel = separations.panel
    and counted.capability is not distinct from separations.capability
    and counted.kernel is not distinct from separations.kernel
    and counted.feature is not distinct from separations.feature
