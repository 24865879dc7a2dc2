-- The sets of answers over which convergence is computed: every wave whole, and for each comparison of two
-- waves both sides cut to the models and prompts answered in both, each kernel to those it can read in both. A side that loses nothing by the cut is
-- its wave whole, and is computed once.
-- Grain: (wave_id, compared_wave_id, reference); the last two are null for a whole wave.
-- grid_key: identifies the set; grid_wave_id: whose answers it holds. is_cut: answers were left out.
with answered as (
    select
        wave_id,
        count(*) as n_cells,
        count(*) filter (has_vector) as n_with_vector,
        count(*) filter (has_tokens) as n_with_tokens
    from {{ ref('answered_cells') }}
    group by wave_id
),

matched as (
    select
        wave_id,
        reference,
        count(*) as n_cells,
        count(*) filter (has_vector) as n_with_vector,
        count(*) filter (has_tokens) as n_with_tokens
    from {{ ref('matched_cells') }}
    group by wave_id, reference
),

sides as (
    select wave_id, null as compared_wave_id, null as reference, false as is_cut
    from answered

    union all

    select
        side.wave_id,
        matched.wave_id as compared_wave_id,
        matched.reference,
        answered.n_cells > matched.n_cells
        or answered.n_with_vector > matched.n_with_vector
        or answered.n_with_tokens > matched.n_with_tokens as is_cut
    from matched
    cross join lateral (select unnest([matched.wave_id, matched.reference]) as wave_id) as side
    inner join answered on side.wave_id = answered.wave_id
)

select
    wave_id,
    compared_wave_id,
    reference,
    is_cut,
    cast(
        dense_rank() over (
            order by
                wave_id,
                case when is_cut then compared_wave_id end nulls first,
                case when is_cut then reference end nulls first
        ) as integer
    ) as grid_key
from sides
