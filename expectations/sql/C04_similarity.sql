-- Similarities that no kernel can give. One row a finding:
--   a pair that reads otherwise the other way round, or a model paired with itself below 1;
--   a sampled answer whose vector of $embedder at $precision is not at similarity 1 to itself;
--   a match, chance or ceiling above 1.
with pairs as (
    from out.convergence_by_pair
    where wave_id = $wave_id
),

sampled as (
    select distinct text_sha
    from core.responses
    where wave_id = $wave_id
    order by text_sha
    limit 200
),

findings as (
    select
        a.capability || ', ' || a.kernel || ': ' || a.model_a || ' with ' || a.model_b || ' gives ' || a.convergence
        || ', the other way round ' || b.convergence as evidence
    from pairs as a
    inner join pairs as b
        on b.model_a = a.model_b and b.model_b = a.model_a and b.capability = a.capability and b.kernel = a.kernel
    where
        a.model_a < a.model_b
        and (abs(a.convergence - b.convergence) > 1e-9 or (a.convergence is null) <> (b.convergence is null))
    union all
    select
        capability || ', ' || kernel || ': ' || model_a || ' with itself gives '
        || coalesce(convergence::varchar, 'null') as evidence
    from pairs
    where model_a = model_b and (convergence is null or abs(convergence - 1) > 1e-9)
    union all
    select 'text ' || left(text_sha, 12) || ' has vector similarity ' || self || ' to itself' as evidence
    from (
        select text_sha, list_dot_product(vector, vector) as self
        from sampled
        inner join raw.embeddings using (text_sha)
        where embedder = $embedder and precision = $precision
    )
    where not abs(self - 1) <= 1e-3
    union all
    select
        capability || ', ' || kernel || ': ' || model_a || ' with ' || model_b || ' has ' || measure || ' ' || similarity
        as evidence
    from (
        unpivot (select capability, kernel, model_a, model_b, "match", chance, ceiling from pairs)
        on "match", chance, ceiling into name measure value similarity
    )
    where similarity > 1 + 2e-3 -- as far as vectors within the norm that C12 allows can reach
)

select null as model_requested, null as prompt_id, null as sample_index, evidence
from findings
order by all
