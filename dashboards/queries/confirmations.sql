-- What became of the second samples that alarms asked for, in all waves of the panel up to this one.
-- Grain: (wave_id, model). state: confirmed, not confirmed, incomplete, known or not asked; reason says why not.
select wave_id, model, state, n_alarms, n_confirmed, n_planned, n_answers, n_prompts, known_since, reason
from out.drift_confirmations
where panel = $panel and wave_date <= $wave_date
order by wave_date, wave_id, model
