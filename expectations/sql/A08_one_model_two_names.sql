-- Two model names whose answers are equal on every prompt that both answered (at least five), as
-- multisets over the samples. One row a name; the evidence names the other.
with answer_sets as (
    select model_requested, prompt_id, sha256(string_agg(sha256(response_text), '' order by response_text)) as answers
    from (
        select distinct model_requested, prompt_id, sample_index, purpose, response_text
        from raw.attempts
        where wave_id = $wave_id and outcome = 'ok'
    )
    group by model_requested, prompt_id
),

twins as (
    select a.model_requested as model_a, b.model_requested as model_b, count(*) as n_prompts
    from answer_sets as a
    inner join answer_sets as b on a.prompt_id = b.prompt_id and a.model_requested < b.model_requested
    group by model_a, model_b
    having count(*) >= 5 and bool_and(a.answers = b.answers)
),

named as (
    select model_a as model_requested, model_b as twin, n_prompts from twins
    union all
    select model_b as model_requested, model_a as twin, n_prompts from twins
)

select
    model_requested,
    null as prompt_id,
    null as sample_index,
    'answers as ' || string_agg(twin, ', ' order by twin) || ' does, on all of ' || max(n_prompts) || ' prompts' as evidence
from named
group by model_requested
order by all
