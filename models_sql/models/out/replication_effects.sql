-- Effects that were found once, and what the next test of the same thing said.
-- Grain: (measure, panel, wave_id, model, capability, kernel, feature, effect_id).
-- Our own: found in one wave and not in its test before, against one reference; tested again in the panel's next wave
-- against the same reference, so under the same configuration. A wave later than the next is no second test. Published: as imported. has_replicated: same sign and p below
-- replication_alpha (for convergence: an interval without 0); null while it was not tested again.
with next_waves as (
    select wave_id, lead(wave_id) over (partition by panel order by wave_date, wave_id) as next_wave_id
    from {{ ref('waves') }}
),

in_order as (
    select
        *,
        lag(is_found) over own_waves as was_found,
        lead(wave_id) over own_waves as later_wave_id,
        lead(estimate) over own_waves as later_estimate,
        lead(p_value) over own_waves as later_p_value,
        lead(is_shown) over own_waves as later_is_shown
    from {{ ref('repeated_tests') }}
    window own_waves as (
        partition by measure, panel, model, capability, kernel, feature, reference order by wave_date, wave_id
    )
),

effects as (
    select
        tests.measure,
        tests.panel,
        tests.wave_id,
        tests.wave_date,
        tests.model,
        tests.capability,
        tests.kernel,
        tests.feature,
        tests.reference,
        cast(null as varchar) as effect_id,
        tests.estimate,
        tests.p_value,
        tests.strength,
        next_waves.next_wave_id as again_wave_id,
        case when next_waves.wave_id is not null then tests.later_estimate end as again_estimate,
        case when next_waves.wave_id is not null then tests.later_p_value end as again_p_value,
        case
            when next_waves.wave_id is not null
                then tests.later_is_shown and sign(tests.later_estimate) = sign(tests.estimate)
        end as has_replicated
    from in_order as tests
    left join next_waves
        on tests.wave_id = next_waves.wave_id and tests.later_wave_id = next_waves.next_wave_id
    where tests.is_found and not coalesce(tests.was_found, false)
),

-- the newest import of an effect counts
imported as (
    select distinct on (study, effect_id) *
    from {{ source('raw', 'effects') }}
    order by study, effect_id, imported_at desc
),

published as (
    select
        'published' as measure,
        study as panel,
        effect_id,
        estimate,
        p_value,
        case when p_value is not null then -log10(greatest(p_value, 1e-300)) end as strength,
        again_estimate,
        again_p_value,
        again_p_value < {{ var('replication_alpha') }} and sign(again_estimate) = sign(estimate) as has_replicated
    from imported
),

listed as (
    from effects
    union all by name
    from published
)

select
    measure,
    panel,
    wave_id,
    wave_date,
    model,
    capability,
    kernel,
    feature,
    reference,
    effect_id,
    estimate,
    p_value,
    strength,
    again_wave_id,
    again_estimate,
    again_p_value,
    has_replicated
from listed
