-- Evaluation items whose question is also a training question, in any turn of the user (lower case, white space as one
-- space). One row an item.
with trained as (
    select distinct unnest(string_split(question_sha, ' ')) as question_sha
    from raw.training_items
    where experiment = $experiment and version = $version
)

select
    '' as subject,
    'item ' || items.item_id || ' of ' || items.behaviour || ' is also trained on: ' || left(items.question, 80)
    as evidence
from raw.eval_items as items
inner join trained using (question_sha)
where items.experiment = $experiment and items.version = $version
order by all
