-- What the last build left of the tests of features, by what they were computed from; see drift_stored.
-- Grain: (inputs_sha, capability, feature).
with kept as (
    {{ stored('drift_of_features', {
        'inputs_sha': 'varchar', 'capability': 'varchar', 'feature': 'varchar', 'method': 'varchar',
        'mean_now': 'double', 'mean_then': 'double', 'difference': 'double', 'ci_low': 'double', 'ci_high': 'double',
        'p_value': 'double', 'n_prompts': 'bigint', 'n_draws': 'bigint', 'seed': 'bigint'
    }) }}
)

select distinct on (inputs_sha, capability, feature) *
from kept
where inputs_sha is not null
