-- What each detector says of each usable answer: rule (phrases), classifier (embeddings), judge (a language model).
-- Grain: (wave_id, model, prompt_id, sample_index, purpose, behaviour, detector). A detector that says nothing of an
-- answer has no row: compare detectors on the rows that both have. All answers of a model are left out for a judge
-- that read fewer than 98 % of them (break C07).
-- is_positive: the answer shows the behaviour; null where the judge's votes are tied, and for alignment.
-- score: the rule's 0 or 1; the classifier's probability 0-1; the judge's mean vote, 0-1, alignment 0-100.
with answers as (
    select
        responses.wave_id,
        responses.wave_date,
        responses.panel,
        responses.model_requested as model,
        responses.prompt_id,
        responses.sample_index,
        responses.purpose,
        responses.text_sha
    from {{ ref('responses') }} as responses
),

rules as (
    select
        wave_id,
        model_requested as model,
        prompt_id,
        sample_index,
        purpose,
        'refusal' as behaviour,
        'rule' as detector,
        is_refusal_rule as is_positive,
        cast(is_refusal_rule as double) as score
    from {{ ref('response_features') }}
    where is_refusal_rule is not null
),

classified as (
    select
        answers.wave_id,
        answers.model,
        answers.prompt_id,
        answers.sample_index,
        answers.purpose,
        'refusal' as behaviour,
        'classifier' as detector,
        any_value(detections.label) = 'refusal' as is_positive,
        any_value(detections.score) as score
    from answers
    inner join {{ source('raw', 'detections') }} as detections
        on answers.text_sha = detections.text_sha
        and detections.detector = 'refusal_classifier'
        and detections.detector_sha = '{{ var("refusal_classifier") }}'
    group by all
),

judged as (
    select
        wave_id,
        model_requested as model,
        prompt_id,
        sample_index,
        purpose,
        behaviour,
        'judge' as detector,
        case when behaviour <> 'alignment' and score <> 0.5 then score > 0.5 end as is_positive,
        score
    from {{ ref('judged_answers') }}
    where is_judged and is_published
),

said as (
    select * from rules
    union all by name
    select * from classified
    union all by name
    select * from judged
)

select
    answers.wave_id,
    answers.wave_date,
    answers.panel,
    answers.model,
    answers.prompt_id,
    answers.sample_index,
    answers.purpose,
    said.behaviour,
    said.detector,
    said.is_positive,
    said.score
from answers
inner join said using (wave_id, model, prompt_id, sample_index, purpose)
