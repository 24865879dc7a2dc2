-- What can be read off a usable answer by rule. Rules are called rules: a rule is not a judge.
-- Grain: (wave_id, model_requested, prompt_id, sample_index, purpose), as core.responses.
-- n_chars: code points. n_tokens: words and single other signs, the tokens of the distributional kernel, uncut.
with texts as (
    select
        *,
        replace(lower(response_text), '’', '''') as plain,
        len(string_split(trim(response_text), chr(10))) as n_lines
    from {{ ref('responses') }}
)

select
    wave_id,
    wave_date,
    panel,
    model_requested,
    prompt_id,
    sample_index,
    purpose,
    length(response_text) as n_chars,
    len(regexp_extract_all(plain, '[\p{L}\p{N}_]+|[^\p{L}\p{N}_\s\p{Z}]')) as n_tokens,
    n_lines,
    regexp_matches(
        plain[:300],
        '\b(i can(no|'')?t (help|assist|do|provide|comply|support|share|give|answer|write|create)'
        || '|i (won''t|will not|must decline|have to decline|refuse)|i''m (not able|unable)|i am (not able|unable)'
        || '|i''m sorry,? but|i am sorry,? but|i apologi[sz]e,? but|as an ai)'
    ) as is_refusal_rule,
    regexp_matches(
        plain,
        '\b(i''m not (sure|certain)|i am not (sure|certain)|i don''t know|i do not know|it depends|perhaps|maybe'
        || '|might|possibly|probably|uncertain|hard to say|no one knows)\b'
    ) as is_hedging_rule,
    case
        when contains(response_text, '```') then 'code'
        when regexp_matches(response_text, '(?m)^\s*\|.*\|\s*$') then 'table'
        when regexp_matches(response_text, '(?m)^#{1,6} ') then 'headings'
        when len(regexp_extract_all(response_text, '(?m)^\s*\d+[.)] ')) >= 2 then 'numbered_list'
        when len(regexp_extract_all(response_text, '(?m)^\s*[-*•] ')) >= 2 then 'bullets'
        when n_lines = 1 and length(response_text) <= 120 then 'one_liner'
        else 'prose'
    end as format_class
from texts
