-- Answers that sequence_ratio and hybrid set side by side: same wave, prompt and sample, two models.
-- Imports only, and of them the waves with at most published_answer_pairs pairs of answers: both methods go through
-- every pair anew in each build, and are here to hold published figures against, not to follow nights.
-- Grain: (wave_id, prompt_id, sample_index, model_a, model_b). is_a_first: model_a comes first in the file.
with places as (
    select wave_id, model, min(place) as place
    from {{ ref('published_answers') }}
    group by wave_id, model
),

sizes as (
    select wave_id, sum(n_models * (n_models - 1) // 2) as n_pairs
    from (
        select wave_id, prompt_id, sample_index, count(*) as n_models
        from {{ ref('published_answers') }}
        group by wave_id, prompt_id, sample_index
    )
    group by wave_id
),

small as (
    select sizes.wave_id
    from sizes
    inner join {{ ref('waves') }} as waves using (wave_id)
    where sizes.n_pairs <= {{ var('published_answer_pairs') }} and waves.wave_kind = 'imported'
)

select
    a.wave_id,
    a.capability,
    a.prompt_id,
    a.sample_index,
    a.model as model_a,
    b.model as model_b,
    first_a.place < first_b.place as is_a_first,
    a.response_text as text_a,
    b.response_text as text_b
from {{ ref('published_answers') }} as a
inner join {{ ref('published_answers') }} as b
    on a.wave_id = b.wave_id
    and a.prompt_id = b.prompt_id
    and a.sample_index = b.sample_index
    and a.model < b.model
inner join places as first_a on a.wave_id = first_a.wave_id and a.model = first_a.model
inner join places as first_b on b.wave_id = first_b.wave_id and b.model = first_b.model
where a.wave_id in (from small)
