-- How alike the target's and the canary's answers are to the source persona's, epoch by epoch.
-- Grain: (source, seed, metric, detector, epoch). is_control: the target converged toward itself.
-- change: against epoch 0, paired by item; transfer: the target's change less the canary's; null: see reason.
select
    source,
    is_control,
    behaviour,
    seed,
    metric,
    detector,
    epoch,
    n_items,
    value,
    value_ci_low,
    value_ci_high,
    change,
    ci_low,
    ci_high,
    p_value,
    canary,
    canary_n,
    canary_value,
    canary_change,
    canary_ci_low,
    canary_ci_high,
    transfer,
    transfer_ci_low,
    transfer_ci_high,
    share_of_movement,
    n_unmatched,
    reason
from out.persona_trajectories
where experiment = $experiment and version = $version and metric like 'similarity%'
order by metric, detector, is_control, source, seed, epoch
