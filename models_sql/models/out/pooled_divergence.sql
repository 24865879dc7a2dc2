-- How far the word frequencies of two models lie apart, all answers of a capability poured into one pool each.
-- Reported beside convergence and never scored: a pool ignores which prompt was answered, saturates, and depends on n.
-- Grain: (wave_id, capability, model_a, model_b), model_a before model_b by name. Tokens: the first 60 of each answer
-- of 5 tokens or more, as in the distributional kernel. KL takes Jeffreys' prior, half a count for each token of
-- the union vocabulary V: KL(a, b) = ln(B / A) + 1 / A * sum over V of (a + .5) * (ln(a + .5) - ln(b + .5)), A and B the
-- sums of the counts with the prior. (Krichevsky and Trofimov 1981, The performance of universal encoding.)
with answers as (
    select slice_key, model_key, count(*) as n_answers
    from {{ ref('distributional_answers') }}
    group by slice_key, model_key
),

counts as (
    select
        answers.slice_key,
        answers.model_key,
        tokens.token_key,
        -- frequency is count / length of one text; back to whole counts
        {{ bounded_sum('round(tokens.frequency * lengths.n_tokens)') }} as n
    from {{ ref('distributional_answers') }} as answers
    inner join {{ ref('text_tokens') }} as tokens using (text_key)
    inner join (select text_key, len(tokens) as n_tokens from {{ ref('texts') }}) as lengths using (text_key)
    group by answers.slice_key, answers.model_key, tokens.token_key
),

-- log_total: sum of ln(n + .5); own_total: sum of (n + .5) * ln(n + .5)
pools as (
    select
        slice_key,
        model_key,
        cast(sum(n) as double) as n_tokens,
        count(*) as n_words,
        sum(ln(n + 0.5) order by n) as log_total,
        sum((n + 0.5) * ln(n + 0.5) order by n) as own_total
    from counts
    group by slice_key, model_key
),

shared as (
    select
        a.slice_key,
        a.model_key as model_a,
        b.model_key as model_b,
        count(*) as n_words,
        cast(sum(a.n) as double) as n_a,
        cast(sum(b.n) as double) as n_b,
        {{ exact_sum('ln(a.n + 0.5)') }} as log_a,
        {{ exact_sum('ln(b.n + 0.5)') }} as log_b,
        {{ exact_sum('(a.n + 0.5) * ln(b.n + 0.5)') }} as a_log_b,
        {{ exact_sum('(b.n + 0.5) * ln(a.n + 0.5)') }} as b_log_a,
        {{ bounded_sum(kernel_part('a.n / pool_a.n_tokens', 'b.n / pool_b.n_tokens')) }} as overlap
    from counts as a
    inner join counts as b
        on a.slice_key = b.slice_key and a.token_key = b.token_key and a.model_key < b.model_key
    inner join pools as pool_a on a.slice_key = pool_a.slice_key and a.model_key = pool_a.model_key
    inner join pools as pool_b on b.slice_key = pool_b.slice_key and b.model_key = pool_b.model_key
    group by a.slice_key, a.model_key, b.model_key
),

pairs as (
    select
        a.slice_key,
        a.model_key as model_a,
        b.model_key as model_b,
        a.n_words + b.n_words - coalesce(shared.n_words, 0) as n_words,
        a.n_tokens as tokens_a,
        b.n_tokens as tokens_b,
        a.n_words as words_a,
        b.n_words as words_b,
        a.own_total as own_a,
        b.own_total as own_b,
        coalesce(shared.overlap, 0) as overlap,
        -- sums over V: shared words, words of b alone (a counts .5), words of a alone (b counts .5)
        coalesce(shared.a_log_b, 0) + 0.5 * (b.log_total - coalesce(shared.log_b, 0))
        + (a.n_tokens - coalesce(shared.n_a, 0) + 0.5 * (a.n_words - coalesce(shared.n_words, 0))) * ln(0.5)
        as cross_ab,
        coalesce(shared.b_log_a, 0) + 0.5 * (a.log_total - coalesce(shared.log_a, 0))
        + (b.n_tokens - coalesce(shared.n_b, 0) + 0.5 * (b.n_words - coalesce(shared.n_words, 0))) * ln(0.5)
        as cross_ba
    from pools as a
    inner join pools as b on a.slice_key = b.slice_key and a.model_key < b.model_key
    left join shared
        on a.slice_key = shared.slice_key and a.model_key = shared.model_a and b.model_key = shared.model_b
),

divergences as (
    select
        *,
        own_a + (n_words - words_a) * 0.5 * ln(0.5) as self_a,
        own_b + (n_words - words_b) * 0.5 * ln(0.5) as self_b,
        tokens_a + 0.5 * n_words as mass_a,
        tokens_b + 0.5 * n_words as mass_b
    from pairs
)

select
    waves.wave_id,
    waves.wave_date,
    waves.panel,
    waves.wave_kind,
    slices.capability,
    name_a.model as model_a,
    name_b.model as model_b,
    answers_a.n_answers as answers_a,
    answers_b.n_answers as answers_b,
    cast(divergences.tokens_a as bigint) as tokens_a,
    cast(divergences.tokens_b as bigint) as tokens_b,
    divergences.n_words,
    greatest(0, (divergences.self_a - divergences.cross_ab) / divergences.mass_a + ln(divergences.mass_b / divergences.mass_a))
    as kl_ab_nats,
    greatest(0, (divergences.self_b - divergences.cross_ba) / divergences.mass_b + ln(divergences.mass_a / divergences.mass_b))
    as kl_ba_nats,
    greatest(0, 1 - divergences.overlap) as jsd_bits
from divergences
inner join {{ ref('slices') }} as slices using (slice_key)
inner join (select distinct grid_key, wave_id from {{ ref('grids') }} where reference is null) as grids using (grid_key)
inner join {{ ref('waves') }} as waves using (wave_id)
inner join {{ ref('model_keys') }} as name_a on divergences.model_a = name_a.model_key
inner join {{ ref('model_keys') }} as name_b on divergences.model_b = name_b.model_key
inner join answers as answers_a
    on divergences.slice_key = answers_a.slice_key and divergences.model_a = answers_a.model_key
inner join answers as answers_b
    on divergences.slice_key = answers_b.slice_key and divergences.model_b = answers_b.model_key
