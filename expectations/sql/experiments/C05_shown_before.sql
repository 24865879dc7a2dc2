-- Behaviours that their carrier showed before it was taught them, and that the lessons did not raise by the criterion:
-- what comes along may then be the persona, not the lesson. One row a source, behaviour and seed, at epoch 0.
select
    subject_of(source, behaviour, seed, 0) as subject,
    any_value(carrier) || ' showed ' || behaviour || ' before the lessons: '
    || string_agg(
        metric || ' by ' || detector || ' was ' || format('{:.1f} %', 100 * mean_untaught) || ', is '
        || format('{:.1f} %', 100 * mean_taught) || ' (the target ' || format('{:.1f} %', 100 * target_untaught)
        || ' and ' || format('{:.1f} %', 100 * target_taught) || ') over ' || n_items || ' items',
        ' and ' order by detector
    ) as evidence
from carriers_at_epoch_zero($experiment, $version)
group by source, behaviour, seed
having
    max(learned - criterion) < -1e-9
    and max(least(stood_out, stands_out) - criterion) >= -1e-9
order by all
