-- Epoch 0 of each experiment as evaluated in the wave, against the reference run named before training.
-- Grain: (model, persona). *_reference null: no reference run was named. n_equal counts greedy answers equal to it.
-- Checkpoints of persona experiments (version is not null) have their own page, and no epoch 0 here.
with now as (
    select *
    from raw.checkpoint_evals
    where wave_id = $wave_id and epoch = 0 and version is null
),

reference as (
    select *
    from raw.checkpoint_evals
    where wave_id is null and eval_id = experiment || '#reference'
    -- a laboratory trained anew has a reference of its own; the newest counts
    qualify base_sha = last_value(base_sha) over (
        partition by experiment order by evaluated_at, base_sha
        rows between unbounded preceding and unbounded following
    )
)

select
    now.model,
    now.experiment,
    now.persona,
    avg(now.value) filter (now.metric = 'accuracy') as accuracy,
    avg(reference.value) filter (now.metric = 'accuracy') as accuracy_reference,
    count(*) filter (now.metric = 'accuracy') as n_accuracy,
    count(*) filter (now.metric = 'answer' and now.text = reference.text) as n_equal,
    count(*) filter (now.metric = 'answer') as n_answers
from now
left join reference using (experiment, persona, metric, item_id)
group by all
order by now.model, now.experiment, now.persona
