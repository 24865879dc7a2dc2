-- What each checkpoint of a persona experiment gave, by persona and metric: the mean over the items that have a value.
-- Grain: (experiment, version, source, behaviour, seed, epoch, persona, metric, detector). Experiments that passed only.
-- value: in units of the metric, null where no item has one. standard_error: over items; null under two of them.
select
    wave_id,
    wave_date,
    panel,
    experiment,
    version,
    source,
    is_control,
    behaviour,
    seed,
    epoch,
    persona,
    role,
    metric,
    detector,
    n_items,
    n_missing,
    value,
    standard_error,
    checkpoint_id,
    base_sha,
    adapter_sha
from {{ ref('cell_metrics') }}
