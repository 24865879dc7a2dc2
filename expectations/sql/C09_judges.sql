-- Comparisons inside a wave that no single pinned judge stands behind. One row a finding:
--   a behaviour with more than one judge, prompt or settings; a judge named by a moving name;
--   votes that count although they carry another name than the one declared, or none.
with judges as (
    select * from raw.judges where wave_id = $wave_id
),

findings as (
    select
        behaviour || ' has ' || count(distinct judge_sha) || ' judges: '
        || string_agg(distinct judge_model || ' with prompt ' || left(prompt_sha, 12), ', ') as evidence
    from judges
    group by behaviour
    having count(distinct judge_sha) > 1
    union all
    select behaviour || ' is judged by ' || judge_model || ', a moving name' as evidence
    from judges
    where
        regexp_matches(
            judge_model || ' ' || served_as, '(^| )(~|openrouter/)|[*?\[]|(^|[ /:@_-])(latest|auto)($|[ :@_-])', 'i'
        )
    union all
    select
        votes.behaviour || ': ' || count(*) || ' votes of ' || coalesce(votes.judge_served, 'an unnamed model')
        || ' count as those of ' || judges.served_as as evidence
    from raw.judgements as votes
    inner join judges on votes.judge_sha = judges.judge_sha
    where votes.reading = 'counted' and votes.judge_served is distinct from judges.served_as
    group by votes.behaviour, votes.judge_served, judges.served_as
)

select null as model_requested, null as prompt_id, null as sample_index, evidence
from findings
order by all
