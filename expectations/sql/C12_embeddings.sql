-- Vectors that cannot be compared, among those that the models read ($embedder at $precision; others may
-- lie beside them). One row a finding: a vector off unit norm (by more than 0.001), more than one dimension
-- among the wave's answers, an answer without a vector. An import may have no vectors at all (its semantic
-- measures are null), but not some. Texts that only a confirmation sample said enter no such model and do not count.
with texts as (
    select distinct text_sha from core.responses where wave_id = $wave_id and purpose <> 'confirmation'
),

vectors as (
    select
        embeddings.text_sha,
        len(vector) as dimensions,
        sqrt(list_dot_product(vector, vector)) as norm
    from raw.embeddings
    inner join texts using (text_sha)
    where embedder = $embedder and precision = $precision
),

findings as (
    select 'text ' || left(text_sha, 12) || ' has a vector of norm ' || round(norm, 4) as evidence
    from vectors
    where not abs(norm - 1) <= 1e-3
    union all
    select
        'mixed vectors: ' || string_agg(distinct dimensions::varchar, ', ' order by dimensions::varchar)
        || ' dimensions' as evidence
    from vectors
    having count(distinct dimensions) > 1
    union all
    select 'text ' || left(text_sha, 12) || ' has no vector of ' || $embedder || ' in ' || $precision as evidence
    from texts
    anti join vectors using (text_sha)
    where
        exists (from vectors)
        or not exists (from ops.waves where wave_id = $wave_id and wave_kind = 'imported')
)

select null as model_requested, null as prompt_id, null as sample_index, evidence
from findings
order by all
