-- Models of which the judge read fewer than 98 % of the answers: the rest was dropped by whatever made it fail.
-- One row a model and behaviour. An answer is judged where more than half of the declared votes count.
with questions as (
    select prompt_id, any_value(prompt_sha) as question_sha
    from raw.prompts
    where wave_id = $wave_id
    group by prompt_id
),

votes as (
    select judge_sha, question_sha, text_sha, vote, arg_min(reading, {'at': asked_at, 'wave': wave_id}) as reading
    from raw.judgements
    where outcome in ('ok', 'empty', 'truncated', 'declined')
    group by all
),

answers as (
    select
        responses.model_requested as model,
        judges.behaviour,
        judges.judge_model,
        responses.prompt_id,
        responses.sample_index,
        any_value(judges.votes) as declared,
        count(*) filter (votes.reading = 'counted') as counted,
        count(*) filter (votes.reading = 'unparsed') as unparsed,
        count(*) filter (votes.reading = 'out_of_range') as out_of_range,
        count(*) filter (votes.reading = 'other_judge') as other_judge,
        count(*) filter (votes.reading = 'none') as without_reply
    from core.responses as responses
    inner join raw.judges as judges on responses.wave_id = judges.wave_id
    left join questions on responses.prompt_id = questions.prompt_id
    left join votes
        on judges.judge_sha = votes.judge_sha
        and questions.question_sha = votes.question_sha
        and responses.text_sha = votes.text_sha
        and votes.vote < judges.votes
    where responses.wave_id = $wave_id and responses.purpose in ('measure', 'canary')
    group by all
),

models as (
    select
        model,
        behaviour,
        judge_model,
        count(*) as n,
        count(*) filter (2 * counted > declared) as judged,
        sum(unparsed) as unparsed,
        sum(out_of_range) as out_of_range,
        sum(other_judge) as other_judge,
        sum(without_reply) as without_reply,
        sum(declared - counted - unparsed - out_of_range - other_judge - without_reply) as missing
    from answers
    group by model, behaviour, judge_model
)

select
    null as model_requested,
    null as prompt_id,
    null as sample_index,
    model || ', ' || behaviour || ' by ' || judge_model || ': ' || judged || ' of ' || n || ' answers judged; votes '
    || unparsed || ' unparsed, ' || out_of_range || ' out of range, ' || other_judge || ' from another judge, '
    || without_reply || ' without a reply, ' || missing || ' never given' as evidence
from models
where judged < 0.98 * n
order by all
