-- Small numbers for models, in the order of their names; joins over millions of rows go by them.
-- Grain: model.
select model, cast(row_number() over (order by model) as smallint) as model_key
from (select distinct model from {{ ref('measured_answers') }})
