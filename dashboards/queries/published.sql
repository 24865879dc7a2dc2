-- Published methods, frozen, over every stored answer of the wave: beside ours, never mixed. Grain: (method, variant).
select method, variant, score, sd, n_models, n_answers
from out.published_methods
where wave_id = $wave_id and level = 'wave'
order by method, variant
