-- A model name whose answers equal those of an earlier name on every prompt that both answered (at least
-- five), as multisets over the samples. The earlier name stays, so the system counts once. Members come
-- before canaries, then names sort. One row a later name; the evidence names the earlier ones.
with answer_sets as (
    select
        model_requested,
        prompt_id,
        sha256(string_agg(sha256(response_text), '' order by response_text)) as answers
    from (
        select distinct model_requested, prompt_id, sample_index, purpose, response_text
        from raw.attempts
        where wave_id = $wave_id and outcome = 'ok' and purpose <> 'confirmation'
        qualify attempt = max(attempt) over (partition by model_requested, prompt_id, sample_index, purpose)
    )
    group by model_requested, prompt_id
),

ranked as (
    select model_requested, row_number() over (order by bool_or(purpose = 'canary'), model_requested) as place
    from raw.attempts
    where wave_id = $wave_id and purpose <> 'confirmation'
    group by model_requested
),

placed as (
    from answer_sets
    inner join ranked using (model_requested)
),

twins as (
    select later.model_requested, earlier.model_requested as twin, count(*) as n_prompts
    from placed as later
    inner join placed as earlier on later.prompt_id = earlier.prompt_id and later.place > earlier.place
    group by later.model_requested, twin
    having count(*) >= 5 and bool_and(later.answers = earlier.answers)
)

select
    model_requested,
    null as prompt_id,
    null as sample_index,
    'gives the answers of ' || string_agg(twin, ', ' order by twin) || ' on all of ' || max(n_prompts) || ' prompts' as evidence
from twins
group by model_requested
order by all
