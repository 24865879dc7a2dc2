-- Every publication of a night, newest first; an experiment has a page of its own. Grain: (publication_id).
select
    publications.publication_id,
    publications.snapshot_id,
    publications.wave_id,
    waves.wave_date,
    publications.published_at
from ops.publications as publications
join ops.waves as waves on waves.wave_id = publications.wave_id
where waves.wave_kind <> 'experiment'
order by publications.published_at desc, publications.publication_id desc
