-- The reproducibility card of every training run. Grain: (run_id).
-- tokens_per_s: tokens trained on by wall time; null where either is not known.
select
    run_id,
    kind,
    source,
    behaviour,
    seed,
    epoch,
    n_rows,
    data_file_sha,
    base_sha,
    weights_sha,
    hyperparameters,
    batch_declared,
    batch_per_device,
    accumulation,
    devices,
    steps,
    tokens,
    seconds,
    tokens / nullif(seconds, 0) as tokens_per_s,
    final_loss,
    reference_loss,
    library_versions,
    hardware,
    command,
    code_version,
    started_at
from raw.training_runs
where experiment = $experiment and version = $version
order by kind desc, source, seed, behaviour, epoch, run_id
