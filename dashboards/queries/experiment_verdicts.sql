-- What the registered criteria say at the registered epoch. Grain: (source, behaviour).
-- change, transfer and criterion are in the metric's own unit; null: see reason.
select
    source,
    behaviour,
    verdict,
    headline_epoch,
    metric,
    detector,
    n_seeds,
    n_items,
    change,
    ci_low,
    ci_high,
    canary_change,
    canary_ci_low,
    canary_ci_high,
    control_change,
    control_ci_low,
    control_ci_high,
    untaught_change,
    untaught_ci_low,
    untaught_ci_high,
    transfer,
    transfer_ci_low,
    transfer_ci_high,
    criterion,
    reason,
    superseded_by
from out.transfer_verdicts
where experiment = $experiment and version = $version
order by source, behaviour
