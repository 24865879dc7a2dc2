-- How each metric of the target moved over the epochs of convergence, and the canary's beside it.
-- Grain: (experiment, version, source, behaviour, seed, epoch, metric, detector). Experiments that passed only.
-- change: since epoch 0, mean over the items that have a value at both; null at epoch 0, which is where it starts.
-- transfer: the target's change less the canary's, item by item, so over the items that have all four values.
-- share_of_movement: |change| over the largest |change| of the series, 0-1; null where nothing moved.
{% set series = 'experiment, version, source, behaviour, seed, metric, detector' %}
with targets as (
    select metrics.*, quantiles.t
    from {{ ref('cell_metrics') }} as metrics
    left join {{ ref('t_quantiles') }} as quantiles using (n_items)
    where metrics.role = 'target'
),

canaries as (
    select *
    from {{ ref('cell_metrics') }}
    where role = 'canary'
),

starts as (
    select distinct {{ series }}
    from targets
    where epoch = 0
),

estimates as (
    select * from {{ ref('change_estimates') }} where seed is not null
),

joined as (
    select
        targets.*,
        case when experiments.newest_version > targets.version then experiments.newest_version end as superseded_by,
        case
            when targets.is_share then {{ wilson('round(targets.value * targets.n_items)', 'targets.n_items', 'low') }}
            when targets.standard_error > 0 then targets.value - targets.t * targets.standard_error
        end as value_ci_low,
        case
            when targets.is_share then {{ wilson('round(targets.value * targets.n_items)', 'targets.n_items', 'high') }}
            when targets.standard_error > 0 then targets.value + targets.t * targets.standard_error
        end as value_ci_high,
        starts.experiment is not null as has_start,
        changes.value as change,
        changes.ci_low,
        changes.ci_high,
        changes.n_items as change_n,
        changes.n_unmatched,
        changes.method,
        changes.p_value,
        changes.n_draws,
        changes.draw_seed,
        changes.reason as change_reason,
        canaries.persona as canary,
        canaries.n_items as canary_n,
        canaries.value as canary_value,
        canary_changes.value as canary_change,
        canary_changes.ci_low as canary_ci_low,
        canary_changes.ci_high as canary_ci_high,
        canary_changes.reason as canary_reason,
        transfers.value as transfer,
        transfers.n_items as transfer_n,
        transfers.ci_low as transfer_ci_low,
        transfers.ci_high as transfer_ci_high,
        transfers.reason as transfer_reason,
        max(abs(changes.value)) over (
            partition by
                targets.experiment, targets.version, targets.source, targets.behaviour, targets.seed, targets.metric,
                targets.detector
        ) as largest_change
    from targets
    inner join {{ ref('counted_experiments') }} as experiments using (experiment, version)
    left join canaries using ({{ series }}, epoch)
    left join starts using ({{ series }})
    {% for name, subject in [('changes', 'change'), ('canary_changes', 'canary_change'), ('transfers', 'transfer')] -%}
    left join estimates as {{ name }}
        on {{ name }}.subject = '{{ subject }}'
        {% for column in series.split(', ') + ['epoch'] -%}
        and targets.{{ column }} = {{ name }}.{{ column }}
        {% endfor %}
    {% endfor %}
)

select
    wave_id,
    wave_date,
    panel,
    experiment,
    version,
    source,
    is_control,
    behaviour,
    seed,
    epoch,
    metric,
    detector,
    n_items,
    n_missing,
    value,
    value_ci_low,
    value_ci_high,
    change,
    ci_low,
    ci_high,
    change_n,
    coalesce(n_unmatched, 0) as n_unmatched,
    method,
    p_value,
    n_draws,
    draw_seed,
    canary,
    canary_n,
    canary_value,
    canary_change,
    canary_ci_low,
    canary_ci_high,
    transfer,
    transfer_ci_low,
    transfer_ci_high,
    transfer_n,
    abs(change) / nullif(largest_change, 0) as share_of_movement,
    nullif(
        concat_ws(
            '; ',
            case when value is null then 'no item has a value' end,
            case when value_ci_low is null and n_items = 1 then 'value: one item has no interval' end,
            case when value_ci_low is null and n_items > 1 then 'value: equal items have no interval' end,
            case
                when epoch = 0 then 'this is epoch 0'
                when not has_start then 'epoch 0 was not evaluated'
            end,
            case when epoch > 0 and has_start then 'change: ' || change_reason end,
            case when epoch > 0 and has_start and canary is not null then 'canary: ' || canary_reason end,
            case when epoch > 0 and has_start and canary is not null then 'transfer: ' || transfer_reason end,
            case when largest_change = 0 then 'nothing moved at any epoch' end,
            case when canary is null then 'the canary was not evaluated' end,
            case when canary_n = 0 then 'no item of the canary has a value' end
        ),
        ''
    ) as reason,
    superseded_by
from joined
