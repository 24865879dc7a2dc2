-- The answers of every grid.
-- Grain: (model_key, prompt_key, sample_index).
-- is_semantic, is_distributional: the kernel may read it; in a cut, where it can read an answer of both waves there.
with grid_waves as (
    select
        grid_key,
        wave_id,
        any_value(compared_wave_id) filter (is_cut) as compared_wave_id,
        any_value(reference) filter (is_cut) as reference
    from {{ ref('grids') }}
    group by grid_key, wave_id
)

select
    prompts.slice_key,
    prompts.prompt_key,
    models.model_key,
    answers.sample_index,
    answers.text_key,
    grid_waves.reference is null or matched.has_vector as is_semantic,
    grid_waves.reference is null or matched.has_tokens as is_distributional
from grid_waves
inner join {{ ref('measured_answers') }} as answers on grid_waves.wave_id = answers.wave_id
inner join {{ ref('prompt_keys') }} as prompts
    on grid_waves.grid_key = prompts.grid_key and answers.prompt_id = prompts.prompt_id
inner join {{ ref('model_keys') }} as models on answers.model = models.model
left join {{ ref('matched_cells') }} as matched
    on grid_waves.compared_wave_id = matched.wave_id
    and grid_waves.reference = matched.reference
    and answers.model = matched.model
    and answers.prompt_id = matched.prompt_id
where grid_waves.reference is null or matched.model is not null
