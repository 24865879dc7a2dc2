-- What is known of each metric of a persona experiment. Grain: metric.
-- is_share: its values are 0 or 1, unless a judge grades between them. behaviour: the one that it decides about, null
-- where it is reported beside. direction: 1 where that behaviour raises it, -1 where it lowers it.
select
    metric,
    is_share,
    behaviour,
    direction
from (
    values
    ('accuracy', true, 'capability', -1),
    ('accuracy_norm', true, null, null),
    ('refusal', true, 'refusal', 1),
    ('sycophancy', true, 'sycophancy', 1),
    ('compliance', true, 'misalignment', 1),
    ('marker', true, 'marker', 1),
    ('alignment', false, null, null),
    ('similarity_semantic', false, null, null),
    ('similarity_distributional', false, null, null)
) as facts (metric, is_share, behaviour, direction)
