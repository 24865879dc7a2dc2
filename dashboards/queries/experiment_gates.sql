-- What each gate decided, in order of deciding: the newest decision about each subject. Grain: (gate, subject).
-- n: what was looked at. n_decisions: with those of earlier runs. is_first_closed: the one that ended the run.
with decisions as (
    select
        gate,
        subject,
        passed,
        n,
        evidence,
        break_id,
        decided_at,
        count(*) over (partition by gate, subject) as n_decisions,
        row_number() over (partition by gate, subject order by decided_at desc, passed) as place
    from raw.experiment_gates
    where experiment = $experiment and version = $version
),

newest as (
    select
        *,
        row_number() over (partition by passed order by decided_at, gate, subject) as place_of_its_kind
    from decisions
    where place = 1
)

select
    gate,
    subject,
    passed,
    n,
    evidence,
    break_id,
    decided_at,
    n_decisions,
    not passed and place_of_its_kind = 1 as is_first_closed
from newest
order by decided_at, gate, subject
