{# One row for each combination of the columns: returns the combinations that occur more than once. #}
{% test grain(model, columns) %}
select {{ columns | join(', ') }}, count(*) as n_rows
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}
