-- What each model of a wave is compared with: its wave before, and its first wave under the same configuration.
-- Grain: (wave_id, model, reference_kind, is_confirmation).
-- is_confirmation: the second sample of the wave, asked because of an alarm, is compared instead of the first, with the
-- second sample of the reference where that has one.
-- comparison_key: the same for both kinds where they name the same wave. n_draws: permutations, enough for the smallest
-- p to alarm after Holm's correction over the tests of the same wave and kind. inputs_sha: everything a test is computed
-- from; null where the configuration changed, which is not tested.
with in_order as (
    select
        *,
        lag(wave_id) over (partition by panel, model order by wave_date, wave_id) as previous_wave_id,
        first_value(wave_id) over (
            partition by panel, model, configuration order by wave_date, wave_id
        ) as baseline_wave_id
    from {{ ref('drift_observed') }}
),

compared as (
    select wave_id, model, n_capabilities, 'previous' as reference_kind, previous_wave_id as reference
    from in_order
    where previous_wave_id is not null

    union all

    select wave_id, model, n_capabilities, 'baseline' as reference_kind, baseline_wave_id as reference
    from in_order
    where baseline_wave_id <> wave_id
),

counted as (
    select
        wave_id,
        model,
        reference_kind,
        reference,
        cast(greatest(
            {{ var('drift_draws') }},
            ceil(2 / {{ var('alarm_level') }} * sum(3 * (n_capabilities + 1)) over (partition by wave_id, reference_kind))
            - 1
        ) as integer) as n_draws
    from compared
),

sampled as (
    select
        compared.*,
        unnest(case when now_observed.confirmation_sha is null then [false] else [false, true] end) as is_confirmation,
        now_observed.configuration <> then_observed.configuration as configuration_changed,
        now_observed.identity_sha <> then_observed.identity_sha as identity_changed,
        concat_ws(
            ' ', now_observed.answers_sha, now_observed.confirmation_sha, then_observed.answers_sha,
            case when now_observed.confirmation_sha is not null then then_observed.confirmation_sha end
        ) as answers_sha
    from counted as compared
    inner join {{ ref('drift_observed') }} as now_observed using (wave_id, model)
    inner join {{ ref('drift_observed') }} as then_observed
        on compared.reference = then_observed.wave_id and compared.model = then_observed.model
)

select
    wave_id,
    model,
    reference_kind,
    reference,
    is_confirmation,
    configuration_changed,
    identity_changed,
    cast(dense_rank() over (order by wave_id, model, reference, is_confirmation) as integer) as comparison_key,
    n_draws,
    case when not configuration_changed then
        sha256(concat_ws(
            ' ', '{{ var("drift_method") }}', wave_id, model, reference,
            -- both kinds that name one wave share one test, under the larger number of draws
            max(n_draws) over (partition by wave_id, model, reference),
            '{{ var("embedder") }}', '{{ var("precision") }}', answers_sha
        ))
    end as inputs_sha
from sampled
