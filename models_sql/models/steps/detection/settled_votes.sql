-- Each vote of a judge that came to an end: the first that was settled, in whatever wave it was asked.
-- Grain: (judge_sha, question_sha, text_sha, vote).
select
    judge_sha,
    question_sha,
    text_sha,
    vote,
    arg_min(reading, {'at': asked_at, 'wave': wave_id}) as reading,
    -- a label and a score are null unless the vote counts, and arg_min passes nulls over
    arg_min({'score': score}, {'at': asked_at, 'wave': wave_id}).score as score
from {{ source('raw', 'judgements') }}
where outcome in ('ok', 'empty', 'truncated', 'declined')
group by judge_sha, question_sha, text_sha, vote
