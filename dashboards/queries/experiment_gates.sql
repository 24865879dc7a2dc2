-- What each gate decided: the newest decision about each subject, in the order in which the gates were first decided.
-- Grain: (gate, subject); no subject: the whole matrix. n: what was looked at. n_decisions: with earlier ones.
-- is_first_closed: the decision that ended the run.
with decisions as (
    select
        gate,
        subject,
        passed,
        n,
        evidence,
        break_id,
        decided_at,
        min(decided_at) over (partition by gate) as gate_decided_at,
        min(decided_at) over (partition by gate, subject) as first_decided_at,
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
    first_decided_at,
    decided_at,
    n_decisions,
    not passed and place_of_its_kind = 1 as is_first_closed
from newest
order by gate_decided_at, gate, first_decided_at, subject
