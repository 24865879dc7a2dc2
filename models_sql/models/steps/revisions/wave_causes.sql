-- What a wave is made of now, against what it was made of in the last publication, for the panels of changed numbers.
-- Grain: wave_id.
-- has_new_answers: attempts came or differ. has_other_members: other answers count or other models are withheld.
-- has_new_vectors: answers were embedded since. is_withdrawn: the wave no longer takes part.
{%- set publication = last_publication() -%}
{%- set tables = published_tables(publication) -%}
{%- set attempts = {
    'wave_id': 'varchar', 'model_requested': 'varchar', 'prompt_id': 'varchar', 'sample_index': 'integer',
    'purpose': 'varchar', 'attempt': 'integer', 'outcome': 'varchar', 'response_text': 'varchar'
} -%}
{%- set responses = {'wave_id': 'varchar', 'text_sha': 'varchar'} -%}
{%- set embeddings = {'text_sha': 'varchar', 'embedder': 'varchar', 'precision': 'varchar'} -%}
{%- set members = {
    'wave_id': 'varchar', 'model_requested': 'varchar', 'ok_cells': 'bigint', 'is_withheld': 'boolean'
} %}
with panel_waves as (
    select wave_id, wave_date, panel
    from {{ source('ops', 'waves') }}
    where panel in (
        select waves.panel
        from {{ ref('changed_numbers') }} as changes
        inner join {{ source('ops', 'waves') }} as waves using (wave_id)
    )
),
{% for side in ("then", "now") %}
attempts_{{ side }} as (
    from ({{ published(publication, tables, 'raw.attempts', attempts) if side == "then" else "from " ~ source('raw', 'attempts') }})
    semi join panel_waves using (wave_id)
),

answers_{{ side }} as (
    {{ wave_digests("attempts_" ~ side, (attempts | list)[1:]) }}
),

responses_{{ side }} as (
    from ({{ published(publication, tables, 'core.responses', responses) if side == "then" else "from " ~ ref('responses') }})
    semi join panel_waves using (wave_id)
),

embeddings_{{ side }} as (
    from ({{
        published(publication, tables, 'raw.embeddings', embeddings) if side == "then"
        else "from " ~ source('raw', 'embeddings')
    }})
    where embedder = '{{ var("embedder") }}' and precision = '{{ var("precision") }}'
),

vectors_{{ side }} as (
    select wave_id, count(*) as digest
    from responses_{{ side }}
    semi join embeddings_{{ side }} using (text_sha)
    group by wave_id
),

model_waves_{{ side }} as (
    from ({{ published(publication, tables, 'core.model_waves', members) if side == "then" else "from " ~ ref('model_waves') }})
    semi join panel_waves using (wave_id)
),

members_{{ side }} as (
    {{ wave_digests("model_waves_" ~ side, (members | list)[1:]) }}
),
{% endfor %}
compared as (
    select
        panel_waves.*,
        answers_then.digest is distinct from answers_now.digest as has_new_answers,
        vectors_then.digest is distinct from vectors_now.digest as has_new_vectors,
        members_then.digest is distinct from members_now.digest as has_other_members
    from panel_waves
    {%- for part in ("answers", "vectors", "members") %}
    left join {{ part }}_then using (wave_id)
    left join {{ part }}_now using (wave_id)
    {%- endfor %}
)

select
    compared.wave_id,
    compared.wave_date,
    compared.panel,
    compared.has_new_answers,
    compared.has_new_vectors,
    compared.has_other_members,
    waves.wave_id is null as is_withdrawn
from compared
left join {{ ref('waves') }} as waves using (wave_id)
