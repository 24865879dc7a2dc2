-- Evaluations whose adapter is not that of the checkpoint under whose name they stand. One row a cell and finding:
--   another checkpoint's name than that of the cell (experiment@version/source/sSEED/behaviour@epoch-N);
--   a checkpoint that nobody saved;
--   no adapter, or another than the checkpoint's;
--   an adapter where the merged model answers alone (behaviour null).
with evaluated as (
    select
        subject_of(source, behaviour, seed, epoch) as subject,
        behaviour is null as is_merged_alone,
        checkpoint_id,
        experiment || '@' || version || '/' || source || '/s' || seed || '/' || coalesce(behaviour, 'convergence')
        || '@epoch-' || epoch as computed,
        adapter_sha,
        count(*) as n
    from raw.checkpoint_evals
    where experiment = $experiment and version = $version and epoch is not null
    group by all
),

findings as (
    select
        evaluated.subject,
        case
            when evaluated.checkpoint_id is distinct from evaluated.computed
                then n || ' values stand under ' || coalesce(evaluated.checkpoint_id, 'no checkpoint') || ', they are of '
                    || evaluated.computed
            when evaluated.is_merged_alone and evaluated.adapter_sha is not null
                then n || ' values of what is merged, alone, were given with the adapter '
                    || left(evaluated.adapter_sha, 12)
            when not evaluated.is_merged_alone and checkpoints.checkpoint_id is null
                then n || ' values stand under ' || evaluated.checkpoint_id || ', which nobody saved'
            when not evaluated.is_merged_alone and evaluated.adapter_sha is distinct from checkpoints.adapter_sha
                then n || ' values were given ' || coalesce('with the adapter ' || left(evaluated.adapter_sha, 12), 'without an adapter')
                    || ', the checkpoint''s is ' || coalesce(left(checkpoints.adapter_sha, 12), 'null')
        end as evidence
    from evaluated
    left join raw.checkpoints as checkpoints using (checkpoint_id)
)

select subject, evidence
from findings
where evidence is not null
order by all
