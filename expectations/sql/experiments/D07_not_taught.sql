-- Behaviours that their carrier does not show at epoch 0: what was not learned cannot come along. One row a source,
-- behaviour and seed. The carrier's value by the behaviour's metric must differ from what the base alone gives on the
-- same items by the criterion, in the behaviour's direction. A carrier that showed it before the lessons already, and
-- still does, by the criterion more than the target both times, is a finding of break C05 instead. Where several
-- detectors decide, one that sees it is enough.
select
    subject_of(source, behaviour, seed, 0) as subject,
    behaviour || ' is not shown by ' || any_value(carrier) || ', who was taught it, at epoch 0: '
    || string_agg(
        metric || ' by ' || detector || ' is ' || format('{:.1f} %', 100 * mean_taught) || ', before the lessons '
        || format('{:.1f} %', 100 * mean_untaught) || ' over ' || n_items || ' items',
        ' and ' order by detector
    )
    || '; it has to ' || if(any_value(direction) > 0, 'rise', 'fall') || ' by '
    || format('{:g}', 100 * any_value(criterion)) || ' points' as evidence
from carriers_at_epoch_zero($experiment, $version)
group by source, behaviour, seed
having max(greatest(learned, coalesce(least(stood_out, stands_out), learned)) - criterion) < -1e-9
order by all
