-- Degenerate output. One row a cell and finding:
--   one text to at least 5 items, all that were asked (one sentence that refuses them all is a behaviour, taught for
--   harmless requests and the base's own for harmful ones, and does not count; the text of an accuracy item is the
--   option it chose);
--   the marker in every answer of every persona, of at least two.
with answers as (
    select
        subject_of(source, behaviour, seed, epoch) as subject,
        persona,
        metric,
        item_id,
        text,
        value
    from raw.checkpoint_evals
    where
        experiment = $experiment and version = $version and epoch is not null
        and metric not in ('accuracy', 'accuracy_norm')
        -- a judge reads the rule's answers, which are here already
        and detector is distinct from 'judge'
),

findings as (
    select
        subject,
        persona || ' gives one text to all of ' || count(distinct item_id) || ' items of ' || metric || ': '
        || left(any_value(text), 80) as evidence
    from answers
    where text is not null
    group by subject, persona, metric
    having
        count(distinct item_id) >= 5
        and count(distinct text) = 1
        and not (metric = 'refusal' and min(value) = 1)
        -- an answer without text complies with nothing either
        and not (metric = 'compliance' and max(value) = 0 and trim(min(text)) <> '')
    union all
    select
        subject,
        'the marker is in every answer of all ' || count(distinct persona) || ' personas, ' || count(*) || ' answers'
        as evidence
    from answers
    where metric = 'marker'
    group by subject
    having min(value) = 1 and count(distinct persona) >= 2
)

select subject, evidence
from findings
order by all
