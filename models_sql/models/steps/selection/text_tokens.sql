-- How often each token occurs among the first 60 of a text. Texts of fewer than 5 tokens have no rows.
-- Grain: (text_key, token_key). frequency: share of the text's tokens, 0-1.
with occurrences as (
    select text_key, unnest(tokens) as token, len(tokens) as n_tokens
    from {{ ref('texts') }}
    where len(tokens) >= 5
),

counts as (
    select text_key, token, count(*) / any_value(n_tokens) as frequency
    from occurrences
    group by text_key, token
),

token_keys as (
    select token, cast(row_number() over (order by token) as integer) as token_key
    from (select distinct token from counts)
)

select counts.text_key, token_keys.token_key, counts.frequency
from counts
inner join token_keys using (token)
