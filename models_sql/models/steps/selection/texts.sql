-- Distinct texts of the waves that take part, under small numbers.
-- Grain: text_sha. tokens: the first 60, in the order of the text.
select
    text_sha,
    cast(row_number() over (order by text_sha) as integer) as text_key,
    {{ tokens('response_text') }} as tokens
from (
    select text_sha, any_value(response_text) as response_text
    from {{ ref('responses') }}
    group by text_sha
)
