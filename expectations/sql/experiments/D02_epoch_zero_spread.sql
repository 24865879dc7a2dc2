-- Arms that start from the same base, data and seed and differ at epoch 0 all the same, where the source cannot have
-- acted yet. One row an arm that is not as the first such arm (the control last), by persona and metric.
-- On CPU equal input gives equal digits, so any item that differs counts. On another device the mean of the paired
-- differences must lie within 3 standard errors (3, as every persona and metric is compared at once). Arms that were
-- taught other data are not compared.
with starts as (
    select
        evals.source,
        coalesce(evals.behaviour, 'convergence') as behaviour,
        evals.seed,
        evals.persona,
        evals.metric,
        coalesce(evals.detector, '') as detector,
        evals.item_id,
        evals.value,
        evals.base_sha,
        runs.data_file_sha,
        coalesce(runs.hardware ->> '$.device', 'cpu') as device,
        first_value(evals.source) over (
            partition by evals.base_sha, runs.data_file_sha, evals.seed, evals.behaviour, evals.persona, evals.metric
            order by evals.source = experiments.target, evals.source
        ) as first_source
    from raw.checkpoint_evals as evals
    inner join raw.experiments as experiments using (experiment, version)
    inner join raw.training_runs as runs
        on runs.experiment = evals.experiment
        and runs.version = evals.version
        and runs.source = evals.source
        and runs.behaviour = evals.behaviour
        and runs.seed = evals.seed
        and runs.epoch = 0
    where evals.experiment = $experiment and evals.version = $version and evals.epoch = 0
),

compared as (
    select
        arms.source,
        arms.behaviour,
        arms.seed,
        arms.persona,
        arms.metric,
        arms.detector,
        arms.first_source,
        bool_and(arms.device = 'cpu' and firsts.device = 'cpu') as is_exact,
        count(*) as n_items,
        count(*) filter (arms.value is distinct from firsts.value) as n_differing,
        avg(arms.value) as mean_now,
        avg(firsts.value) as mean_first,
        abs(avg(arms.value - firsts.value)) as difference,
        coalesce(stddev_samp(arms.value - firsts.value) / sqrt(count(*)), 0) as standard_error
    from starts as arms
    inner join starts as firsts
        on firsts.source = arms.first_source
        and firsts.base_sha = arms.base_sha
        and firsts.data_file_sha = arms.data_file_sha
        and firsts.seed = arms.seed
        and firsts.behaviour = arms.behaviour
        and firsts.persona = arms.persona
        and firsts.metric = arms.metric
        and firsts.detector = arms.detector
        and firsts.item_id = arms.item_id
    where arms.source <> arms.first_source
    group by all
)

select
    subject_of(source, behaviour, seed, 0) as subject,
    metric || ' of ' || persona || ' at epoch 0 is ' || format('{:.4g}', mean_now) || ' for ' || source || ' and '
    || format('{:.4g}', mean_first) || ' for ' || first_source || ' with the same base, data and seed; tolerance '
    || if(is_exact, 'none', '3 standard errors (' || format('{:.3g}', 3 * standard_error) || ')') || ', '
    || n_differing || ' of ' || n_items || ' items differ' as evidence
from compared
where if(is_exact, n_differing > 0, difference > 3 * standard_error + 1e-9)
order by all
