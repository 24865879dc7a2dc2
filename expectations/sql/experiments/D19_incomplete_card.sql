-- Runs whose reproducibility card has a gap: a field that is null, empty or an unknown. One row a run.
with runs as (
    select
        subject_of(source, behaviour, seed, epoch) as subject,
        run_id,
        map {
            'data sha': data_sha,
            'data file sha': data_file_sha,
            'base sha': base_sha,
            'weights sha': weights_sha,
            'seed': seed::varchar,
            'hyperparameters': hyperparameters,
            'library versions': library_versions,
            'command': command,
            'code version': code_version,
            'hardware': hardware,
            'final loss': final_loss::varchar,
            'steps': steps::varchar,
            'tokens': tokens::varchar,
            'declared batch': batch_declared::varchar,
            'batch per device': batch_per_device::varchar,
            'accumulation': accumulation::varchar,
            'devices': devices::varchar
        } as fields
    from raw.training_runs
    where experiment = $experiment and version = $version
),

fields as (
    select subject, run_id, unnest(map_keys(fields)) as field, unnest(map_values(fields)) as value
    from runs
),

gaps as (
    select subject, run_id, field
    from fields
    where value is null or trim(value) in ('', 'null', '{}', 'unknown')
    union all
    select fields.subject, fields.run_id, fields.field || '.' || parts.part as field
    from fields
    inner join (
        values
            ('hardware', 'device'), ('hardware', 'name'), ('hardware', 'threads'), ('library versions', 'torch'),
            ('hyperparameters', 'epochs'), ('hyperparameters', 'learning_rate')
    ) as parts (field, part) using (field)
    where
        json_valid(fields.value)
        and trim(coalesce(fields.value ->> parts.part, '')) = ''
)

select subject, run_id || ' lacks ' || string_agg(field, ', ' order by field) as evidence
from gaps
group by subject, run_id
order by all
