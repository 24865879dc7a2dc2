-- Every publication, newest first. Grain: (publication_id).
select
    publications.publication_id,
    publications.snapshot_id,
    publications.wave_id,
    waves.wave_date,
    publications.published_at
from ops.publications as publications
join ops.waves as waves on waves.wave_id = publications.wave_id
order by publications.published_at desc, publications.publication_id desc
