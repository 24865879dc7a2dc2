-- How many answers of each format class a model gave to each prompt.
-- Grain: (wave_id, model, prompt_id, format_class). Canaries are here, models that an audit failed or that are
-- incomplete are not. is_counted: the model counts in the measures of the wave as a whole.
-- Answers of white space only have no class and are left out; so are confirmation samples.
select
    features.wave_id,
    prompts.capability,
    features.model_requested as model,
    models.purpose,
    not models.is_withheld and models.purpose = 'measure' as is_counted,
    features.prompt_id,
    features.format_class,
    count(*) as n_answers
from {{ ref('response_features') }} as features
inner join {{ ref('model_waves') }} as models
    on features.wave_id = models.wave_id and features.model_requested = models.model_requested
inner join {{ ref('battery_prompts') }} as prompts
    on features.wave_id = prompts.wave_id and features.prompt_id = prompts.prompt_id
where
    features.purpose in ('measure', 'canary')
    and features.format_class is not null
    and (models.withheld_reason is null or models.withheld_reason not in ('failed verdict', 'incomplete'))
group by all
