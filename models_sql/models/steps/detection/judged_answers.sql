-- What the judge of its wave says of each usable answer.
-- Grain: (wave_id, model_requested, prompt_id, sample_index, purpose, behaviour), for waves with a judge.
-- score: mean over the votes that count. is_judged: more than half of the declared votes count.
-- is_published: at least 98 % of the model's answers are judged; below, its rate would be of another set of answers.
with questions as (
    select wave_id, prompt_id, any_value(prompt_sha) as question_sha
    from {{ source('raw', 'prompts') }}
    group by wave_id, prompt_id
),

judged as (
    select
        responses.wave_id,
        responses.model_requested,
        responses.prompt_id,
        responses.sample_index,
        responses.purpose,
        judges.behaviour,
        count(votes.score) as n_counted,
        avg(votes.score) as score,
        2 * count(votes.score) > any_value(judges.votes) as is_judged
    from {{ ref('responses') }} as responses
    inner join {{ source('raw', 'judges') }} as judges on responses.wave_id = judges.wave_id
    left join questions on responses.wave_id = questions.wave_id and responses.prompt_id = questions.prompt_id
    left join {{ ref('settled_votes') }} as votes
        on judges.judge_sha = votes.judge_sha
        and questions.question_sha = votes.question_sha
        and responses.text_sha = votes.text_sha
        and votes.vote < judges.votes
    where responses.purpose in ('measure', 'canary')
    group by all
)

select
    wave_id,
    model_requested,
    prompt_id,
    sample_index,
    purpose,
    behaviour,
    n_counted,
    score,
    is_judged,
    avg(cast(is_judged as integer)) over (partition by wave_id, model_requested, purpose, behaviour) >= 0.98
        as is_published
from judged
