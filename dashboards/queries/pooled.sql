-- How far the pooled word frequencies of two models lie apart, mean over pairs of models: reported, never scored.
-- Grain: (capability). Jensen-Shannon divergence in bits (0-1), Kullback-Leibler in nats; both depend on n_tokens_median.
select
    capability,
    avg(jsd_bits order by model_a, model_b) as jsd_bits,
    min(jsd_bits) as jsd_bits_least,
    max(jsd_bits) as jsd_bits_most,
    avg((kl_ab_nats + kl_ba_nats) / 2 order by model_a, model_b) as kl_nats,
    count(jsd_bits) as n_pairs,
    median(tokens_a + tokens_b) / 2 as n_tokens_median
from out.pooled_divergence
where wave_id = $wave_id
group by capability
order by capability
