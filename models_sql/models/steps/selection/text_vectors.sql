-- The vector of each text, once, from one embedder at one precision. Texts without an embedding have no row.
-- Grain: text_key.
select
    texts.text_key,
    cast(any_value(embeddings.vector) as float[{{ dimensions() }}]) as vector
from {{ source('raw', 'embeddings') }} as embeddings
inner join {{ ref('texts') }} as texts on embeddings.text_sha = texts.text_sha
where embeddings.embedder = '{{ var("embedder") }}' and embeddings.precision = '{{ var("precision") }}'
group by texts.text_key
