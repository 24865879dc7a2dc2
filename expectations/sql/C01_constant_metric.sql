-- Convergence scores that are one number for every model (more than two). One row a capability and kernel.
select
    null as model_requested,
    null as prompt_id,
    null as sample_index,
    capability || ', ' || kernel || ': ' || count(convergence) || ' models, all '
    || any_value(convergence) as evidence
from out.convergence_by_model
where wave_id = $wave_id and convergence is not null
group by capability, kernel
having count(convergence) > 2 and stddev_samp(convergence) < 1e-12
order by all
