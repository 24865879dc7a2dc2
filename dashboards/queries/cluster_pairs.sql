-- At which distance (1 - combined convergence) the tree joins two models. Grain: (model_a < model_b).
select model_a, model_b, distance, joined_at, same_cluster, together_share, n_prompts, n_resamples
from out.cluster_pairs
where wave_id = $wave_id and capability = 'overall'
order by joined_at, model_a, model_b
