-- Answers that are an error message: the endpoint said ok, the text is what a failed request says.
-- One row an answer. Every pattern covers the whole text or its technical beginning, so that an
-- answer which talks about errors is not taken for one.
with answers as (
    select distinct model_requested, prompt_id, sample_index, trim(response_text, e' \t\r\n') as text
    from raw.attempts
    where wave_id = $wave_id and outcome = 'ok'
    qualify attempt = max(attempt) over (partition by model_requested, prompt_id, sample_index, purpose)
),

judged as (
    select
        *,
        case
            when not starts_with(text, '{') or not json_valid(text) then false
            when text ->> '$.object' = 'error' then json_exists(text, '$.message')
            else
                json_type(text, '$.error') in ('OBJECT', 'VARCHAR')
                and list_has_all(
                    ['error', 'type', 'status', 'code', 'message', 'detail', 'details', 'param', 'request_id', 'user_id'],
                    json_keys(text)
                )
        end as is_envelope,
        length(text) <= 2000 and regexp_matches(
            text,
            '^(error\W{1,3})?((api|http|server|request|provider|upstream|openai|openrouter|anthropic)\s+error\W{1,5})?'
            || 'error code\W{1,3}[45]\d\d(\s*[-:]\s*[{\["''].*)?$'
            || '|^([a-z]+\.)*(badrequest|notfound|ratelimit|authentication|permissiondenied|apistatus|apiconnection'
            || '|apitimeout|internalserver|unprocessableentity|http|httpstatus)error\W{1,3}(error code|status|http|[45]\d\d\b)',
            'is'
        ) as is_client_error,
        length(text) <= 200 and regexp_full_match(
            text,
            '((api )?error\W{1,3})?('
            || 'http(/[0-9.]+)?( error)?\W{0,3}[45]\d\d(\W{1,3}[a-z -]{2,30})?'
            || '|([45]\d\d\W{1,3})?(too many requests|internal server error|bad gateway|gateway time-?out'
            || '|service (temporarily )?unavailable)'
            || '|rate limit (was |has been )?(exceeded|reached)(\W[^\n]*)?'
            || '|(the )?model (`[^`]*` |''[^'']*'' |"[^"]*" |[\w./:@-]+ )?(was )?(not found|does not exist)'
            || '( or you do not have access to it)?'
            || '|[\w./:@-]+ is not a valid model id'
            || '|no endpoints found( for [\w./:@-]+)?'
            || '|(invalid|incorrect) api key( provided)?(\W[^\n]*)?'
            || '|insufficient (credits|quota|balance)(\W[^\n]*)?'
            || '|you exceeded your current quota(\W[^\n]*)?'
            || '|(connection|request|read) (error|refused|reset( by peer)?|timed out)'
            || '|this model''s maximum context length is \d+ tokens(\W[^\n]*)?'
            || ')\W{0,2}',
            'i'
        ) as is_error_phrase,
        regexp_matches(
            text,
            '^\s*<(!doctype html|html).*<title>\s*(5\d\d\b|just a moment|attention required)',
            'is'
        ) as is_error_page
    from answers
)

select model_requested, prompt_id, sample_index, left(text, 160) as evidence
from judged
where is_envelope or is_client_error or is_error_phrase or is_error_page
order by all
