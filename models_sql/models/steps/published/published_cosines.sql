-- Mean cosine of the answers of two models to the same prompts: the semantic part of hybrid, chance not taken out.
-- Grain: (wave_id, capability, model_a, model_b). Null where no two answers have vectors.
with vectors as (
    select text_sha, any_value(vector order by embedded_at, vector) as vector
    from {{ source('raw', 'embeddings') }}
    where embedder = '{{ var("embedder") }}' and precision = '{{ var("precision") }}'
    group by text_sha
)

select
    pairs.wave_id,
    pairs.capability,
    pairs.model_a,
    pairs.model_b,
    {{ exact_mean('cast(list_inner_product(a.vector, b.vector) as double)') }} as cosine
from {{ ref('published_pairs') }} as pairs
left join vectors as a on sha256(pairs.text_a) = a.text_sha
left join vectors as b on sha256(pairs.text_b) = b.text_sha
group by pairs.wave_id, pairs.capability, pairs.model_a, pairs.model_b
