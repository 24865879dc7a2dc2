-- Rates of a judge over answers that it never judged. One row a model and behaviour.
-- A model of which fewer than 98 % were judged has no rate in core.detections at all.
with judged as (
    select model, behaviour, count(*) as n
    from core.detections
    where wave_id = $wave_id and detector = 'judge'
    group by model, behaviour
),

questions as (
    select prompt_id, any_value(prompt_sha) as question_sha
    from raw.prompts
    where wave_id = $wave_id
    group by prompt_id
),

counted as (
    select
        responses.model_requested as model,
        judgements.behaviour,
        count(distinct (responses.prompt_id, responses.sample_index, responses.purpose)) as n
    from core.responses as responses
    inner join questions on responses.prompt_id = questions.prompt_id
    inner join raw.judgements as judgements
        on questions.question_sha = judgements.question_sha and responses.text_sha = judgements.text_sha
    semi join (select judge_sha from raw.judges where wave_id = $wave_id) as judges
        on judgements.judge_sha = judges.judge_sha
    where responses.wave_id = $wave_id and judgements.reading = 'counted'
    group by all
),

answered as (
    select model_requested as model, count(*) as n
    from core.responses
    where wave_id = $wave_id and purpose in ('measure', 'canary')
    group by model_requested
)

select
    null as model_requested,
    null as prompt_id,
    null as sample_index,
    judged.model || ', ' || judged.behaviour || ': a rate over ' || judged.n || ' answers, of which '
    || coalesce(counted.n, 0) || ' were judged, of ' || coalesce(answered.n, 0) as evidence
from judged
left join counted using (model, behaviour)
left join answered using (model)
where coalesce(counted.n, 0) < judged.n or coalesce(counted.n, 0) < 0.98 * coalesce(answered.n, 0)
order by all
