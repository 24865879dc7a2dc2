-- The vector of each text, once, from one embedder at one precision. Texts without an embedding have no row.
-- Grain: text_key. Where a text was embedded more than once, the oldest vector stands, and of two as old the
-- lesser, element by element: a later duplicate moves no digit.
with embedded as (
    select
        texts.text_key,
        embeddings.embedded_at,
        cast(embeddings.vector as float[{{ dimensions() }}]) as vector
    from {{ source('raw', 'embeddings') }} as embeddings
    inner join {{ ref('texts') }} as texts on embeddings.text_sha = texts.text_sha
    where embeddings.embedder = '{{ var("embedder") }}' and embeddings.precision = '{{ var("precision") }}'
),

embedded_twice as (
    select text_key
    from embedded
    group by text_key
    having count(*) > 1
)

select text_key, vector
from embedded
anti join embedded_twice using (text_key)

union all

select text_key, first(vector order by embedded_at, vector) as vector
from embedded
semi join embedded_twice using (text_key)
group by text_key
