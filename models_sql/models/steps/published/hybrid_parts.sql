-- What hybrid is made of, for every pair and capability, with the KL divergence in each order of its arguments.
-- Grain: (wave_id, variant, capability, model_a, model_b).
select
    pairs.wave_id,
    orders.variant,
    pairs.capability,
    pairs.model_a,
    pairs.model_b,
    pairs.n_answers,
    cosines.cosine,
    case
        when orders.variant = 'both ways' then (divergences.kl_ab + divergences.kl_ba) / 2
        when orders.variant = 'sorted' or pairs.is_a_first then divergences.kl_ab
        else divergences.kl_ba
    end as kl,
    divergences.js
from (
    select wave_id, capability, model_a, model_b, any_value(is_a_first) as is_a_first, count(*) as n_answers
    from {{ ref('published_pairs') }}
    group by all
) as pairs
inner join {{ ref('token_divergences') }} as divergences using (wave_id, capability, model_a, model_b)
inner join {{ ref('published_cosines') }} as cosines using (wave_id, capability, model_a, model_b)
cross join (values ('file order'), ('sorted'), ('both ways')) as orders (variant)
