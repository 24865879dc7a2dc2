-- The comparisons that must be computed in this build, confirmations included.
-- Grain: comparison_key.
select comparison_key, wave_id, model, reference, is_confirmation, max(n_draws) as n_draws
from {{ ref('drift_references') }}
where not configuration_changed and inputs_sha not in (select inputs_sha from {{ ref('drift_stored') }})
group by all
