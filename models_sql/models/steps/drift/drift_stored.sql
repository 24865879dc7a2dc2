-- What the last build left of the tests of drift, by what they were computed from: an old comparison whose inputs are
-- unchanged is read back instead of resampled every night.
-- Grain: (inputs_sha, capability, kernel).
with kept as (
    {{ stored('drift_by_model', {
        'inputs_sha': 'varchar', 'capability': 'varchar', 'kernel': 'varchar', 'method': 'varchar', 'drift': 'double',
        'noise_mean': 'double', 'noise': 'double', 'p_value': 'double', 'p_difference': 'double', 'shift': 'double',
        'p_shift': 'double', 'p_confirmation': 'double', 'changed_share': 'double', 'n_prompts': 'bigint',
        'n_samples': 'bigint', 'n_draws': 'bigint', 'seed': 'bigint'
    }) }}
)

select distinct on (inputs_sha, capability, kernel) *
from kept
where inputs_sha is not null
