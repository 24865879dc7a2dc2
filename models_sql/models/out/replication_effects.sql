-- Effects that were found once, and what the next test of the same thing said.
-- Grain: (measure, panel, wave_id, model, capability, kernel, feature, effect_id).
-- Our own: found in one wave and not in the wave before, against one reference; tested again in the next wave against
-- the same reference, so under the same configuration. Published: as imported. has_replicated: same sign and p below
-- replication_alpha (for convergence: an interval without 0); null while it was not tested again.
with in_order as (
    select
        *,
        lag(is_found) over own_waves as was_found,
        lead(wave_id) over own_waves as again_wave_id,
        lead(estimate) over own_waves as again_estimate,
        lead(p_value) over own_waves as again_p_value,
        lead(is_shown) over own_waves as again_is_shown
    from {{ ref('repeated_tests') }}
    window own_waves as (
        partition by measure, panel, model, capability, kernel, feature, reference order by wave_date, wave_id
    )
),

effects as (
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
        cast(null as varchar) as effect_id,
        estimate,
        p_value,
        strength,
        again_wave_id,
        again_estimate,
        again_p_value,
        again_is_shown and sign(again_estimate) = sign(estimate) as has_replicated
    from in_order
    where is_found and not coalesce(was_found, false)
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
        -log10(greatest(p_value, 1e-300)) as strength,
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
