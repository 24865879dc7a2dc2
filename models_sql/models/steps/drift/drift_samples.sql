-- The answers of both waves of a comparison to every prompt answered in both; the wave's own come first, or its
-- confirmation sample's. A confirmation sample is compared with the reference's own where that has one: two second
-- samples, so that one odd draw of the reference is not found again by every sample after it. One that did not
-- come nearly whole is not read. Only comparisons that must be computed in this build.
-- Grain: (comparison_key, prompt_id, place). place from 0; places below n_now belong to the wave, the others to its reference.
with answers as (
    select
        responses.wave_id,
        responses.model_requested as model,
        responses.capability,
        responses.prompt_id,
        responses.sample_index,
        responses.purpose = 'confirmation' as is_confirmation,
        texts.text_key
    from {{ ref('responses') }} as responses
    inner join {{ ref('texts') }} as texts using (text_sha)
    where
        responses.purpose <> 'confirmation'
        or (responses.wave_id, responses.model_requested) in (
            select (wave_id, model) from {{ ref('second_samples') }} where is_complete
        )
),

sides as (
    select pending.comparison_key, 0 as side, answers.*
    from {{ ref('drift_pending') }} as pending
    inner join answers using (wave_id, model, is_confirmation)

    union all by name

    select pending.comparison_key, 1 as side, answers.*
    from {{ ref('drift_pending') }} as pending
    inner join answers on pending.reference = answers.wave_id and pending.model = answers.model
    where pending.is_confirmation or not answers.is_confirmation
    qualify
        answers.is_confirmation
        = bool_or(answers.is_confirmation) over (partition by pending.comparison_key, answers.prompt_id)
),

placed as (
    select
        comparison_key,
        capability,
        prompt_id,
        text_key,
        side,
        row_number() over (partition by comparison_key, prompt_id order by side, sample_index) - 1 as place,
        count(*) filter (side = 0) over (partition by comparison_key, prompt_id) as n_now,
        count(*) filter (side = 1) over (partition by comparison_key, prompt_id) as n_then
    from sides
)

select
    comparison_key,
    capability,
    prompt_id,
    cast(place as integer) as place,
    cast(n_now as integer) as n_now,
    cast(n_then as integer) as n_then,
    text_key
from placed
where n_now > 0 and n_then > 0
