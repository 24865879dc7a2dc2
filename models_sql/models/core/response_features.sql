-- What can be read off a usable answer by rule. Rules are called rules: a rule is not a judge.
-- Grain: (wave_id, model_requested, prompt_id, sample_index, purpose), as core.responses. Each text is read once.
-- n_chars: code points. n_tokens: words and single other signs, the tokens of the distributional kernel, uncut.
-- Refusal and hedging read English: null where less than half of an answer's letters are Latin. The lists of phrases
-- and the order of format classes are macros/rules.sql. Refusals are looked for in the first 300 code points.
{% set other_scripts = {
    "cyrillic": "\p{Cyrillic}", "greek": "\p{Greek}", "arabic": "\p{Arabic}", "hebrew": "\p{Hebrew}",
    "devanagari": "\p{Devanagari}", "thai": "\p{Thai}", "han": "\p{Han}", "kana": "\p{Hiragana}\p{Katakana}",
    "hangul": "\p{Hangul}"
} %}
with texts as (
    select
        text_sha,
        any_value(response_text) as response_text,
        replace(lower(any_value(response_text)), '’', '''') as plain,
        trim(any_value(response_text), e' \t\r\n\f' || chr(160)) as trimmed
    from {{ ref('responses') }}
    group by text_sha
),

letters as (
    select
        *,
        regexp_replace(response_text, '[^\p{L}]+', '', 'g') as letters,
        length(response_text) as n_chars,
        len(regexp_extract_all(plain, '[\p{L}\p{N}_]+|[^\p{L}\p{N}_\s\p{Z}]')) as n_tokens
    from texts
),

-- plain ASCII, the most of them, is Latin without a look
scripts as (
    select
        *,
        length(letters) as n_letters,
        case
            when strlen(letters) = length(letters) then ''
            else regexp_replace(letters, '\p{Latin}+', '', 'g')
        end as not_latin
    from letters
),

counts as (
    select
        *,
        n_letters - length(not_latin) as latin,
        {% for script, class in other_scripts.items() -%}
        case when not_latin = '' then 0 else {{ signs('not_latin', class) }} end as {{ script }}{{ "," if not loop.last }}
        {% endfor %}
    from scripts
),

ranked as (
    select
        *,
        greatest(latin, {{ other_scripts | join(', ') }}, n_letters - latin - {{ other_scripts | join(' - ') }}) as most,
        n_letters > 0 and latin < 0.5 * n_letters as is_unreadable
    from counts
),

features as (
    select
        text_sha,
        n_chars,
        n_tokens,
        len(string_split(trimmed, chr(10))) as n_lines,
        case
            when not is_unreadable then regexp_matches(plain[:300], {{ any_phrase(refusal_phrases()) }})
        end as is_refusal_rule,
        case
            when not is_unreadable then len(regexp_extract_all(plain, {{ any_marker(hedging_markers()) }}))
        end as n_hedges_rule,
        {{ format_class('trimmed') }} as format_class,
        n_letters,
        latin / nullif(n_letters, 0) as latin_share,
        cyrillic / nullif(n_letters, 0) as cyrillic_share,
        han / nullif(n_letters, 0) as han_share,
        case
            when n_letters = 0 then null
            when latin = most then 'latin'
            {% for script in other_scripts -%}
            when {{ script }} = most then '{{ script }}'
            {% endfor -%}
            else 'other'
        end as script_rule,
        most / nullif(n_letters, 0) as script_share
    from ranked
)

select
    responses.wave_id,
    responses.wave_date,
    responses.panel,
    responses.model_requested,
    responses.prompt_id,
    responses.sample_index,
    responses.purpose,
    features.n_chars,
    features.n_tokens,
    features.n_lines,
    features.is_refusal_rule,
    features.n_hedges_rule > 0 as is_hedging_rule,
    100 * features.n_hedges_rule / nullif(features.n_tokens, 0) as hedges_per_100_tokens,
    features.format_class,
    features.n_letters,
    features.latin_share,
    features.cyrillic_share,
    features.han_share,
    features.script_rule,
    features.script_share
from {{ ref('responses') }} as responses
inner join features using (text_sha)
