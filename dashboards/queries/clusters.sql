-- Which models of the wave answer alike, over all capabilities, in the order of the tree's leaves. Grain: (model).
-- silhouette and stability are null for a model alone in its cluster; `(all)`: no two models have a convergence.
select
    model,
    place,
    cluster,
    silhouette,
    stability,
    n_models,
    n_clusters,
    mean_silhouette,
    n_resamples,
    seed,
    reason
from out.clusters
where wave_id = $wave_id and capability = 'overall'
order by place, model
