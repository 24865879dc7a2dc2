-- Behaviours that another judge judged in the panel's wave before this one: the two nights' rates cannot be compared.
-- One row a behaviour. Another judge: another model, prompt or setting.
with this as (
    select judges.*, waves.panel
    from raw.judges as judges
    inner join ops.waves as waves using (wave_id)
    where judges.wave_id = $wave_id
),

earlier as (
    select judges.*, waves.panel
    from raw.judges as judges
    inner join ops.waves as waves using (wave_id)
    where waves.status = 'published'
),

before as (
    select this.behaviour, max({'at': earlier.wave_date, 'wave': earlier.wave_id}).wave as wave_id
    from this
    inner join earlier on this.panel = earlier.panel and this.behaviour = earlier.behaviour
    where {'at': earlier.wave_date, 'wave': earlier.wave_id} < {'at': this.wave_date, 'wave': this.wave_id}
    group by this.behaviour
)

select
    null as model_requested,
    null as prompt_id,
    null as sample_index,
    this.behaviour || ': ' || this.judge_model || ' with prompt ' || left(this.prompt_sha, 12) || ', in '
    || before.wave_id || ' ' || earlier.judge_model || ' with prompt ' || left(earlier.prompt_sha, 12)
    || case when this.settings <> earlier.settings then ', other settings' else '' end as evidence
from this
inner join before using (behaviour)
inner join earlier on before.wave_id = earlier.wave_id and before.behaviour = earlier.behaviour
where this.judge_sha <> earlier.judge_sha
order by all
