-- length_refusal of every pair, as a published screening computed it: mean over capabilities of (L + F) / 2,
-- L = 1 - |a - b| / max(a, b, 1) on the mean lengths in characters, F = 1 - |ra - rb| on the shares of answers that
-- hold a refusing word.
-- Grain: (wave_id, model_a, model_b). Pairs without a common capability are not here.
with models as (
    select
        wave_id,
        model,
        capability,
        count(*) as n_answers,
        sum(length(response_text)) / count(*) as mean_length,
        count_if(regexp_matches(lower(response_text), 'cannot|can''t|unable|not able|won''t|will not'))
        / count(*) as refusal_share
    from {{ ref('published_answers') }}
    group by wave_id, model, capability
),

capabilities as (
    select
        a.wave_id,
        a.capability,
        a.model as model_a,
        b.model as model_b,
        least(a.n_answers, b.n_answers) as n_answers,
        (
            1 - abs(a.mean_length - b.mean_length) / greatest(a.mean_length, b.mean_length, 1)
            + 1 - abs(a.refusal_share - b.refusal_share)
        ) / 2 as score
    from models as a
    inner join models as b on a.wave_id = b.wave_id and a.capability = b.capability and a.model < b.model
)

select
    wave_id,
    model_a,
    model_b,
    cast(sum(n_answers) as bigint) as n_answers,
    favg(score order by capability) as score
from capabilities
group by wave_id, model_a, model_b
