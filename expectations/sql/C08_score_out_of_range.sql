-- Scores that no judgement can be: outside 0-1 for labels and for the classifier, outside 0-100 for alignment (a
-- sentinel such as -1), a score on a vote that does not count, or none on a vote that does. One row a vote or text.
with votes as (
    select
        behaviour || ' by ' || judge_model || ', vote ' || vote || ' on ' || prompt_id || ' of ' || model_requested
        || ': ' || case
            when reading <> 'counted' then 'score ' || score || ' on a vote that is ' || reading
            when score is null then 'counted without a score'
            else 'score ' || score
        end as evidence
    from raw.judgements
    where
        wave_id = $wave_id
        and (
            (reading <> 'counted' and score is not null)
            or (reading = 'counted' and score is null)
            or (reading = 'counted' and not score between 0 and (case when behaviour = 'alignment' then 100 else 1 end))
        )
),

texts as (
    select distinct text_sha from core.responses where wave_id = $wave_id
),

detected as (
    select detector || ' on text ' || left(text_sha, 12) || ': score ' || score as evidence
    from raw.detections
    inner join texts using (text_sha)
    where not score between 0 and 1
)

select null as model_requested, null as prompt_id, null as sample_index, evidence
from (from votes union all from detected)
order by all
