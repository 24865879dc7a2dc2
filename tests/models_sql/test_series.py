"""The series that slopes and change points are looked for in: one measure each, of one meaning."""

from __future__ import annotations

import duckdb
import jinja2

from models_sql.run import PROJECT

SQL = (PROJECT / "models" / "steps" / "series" / "series.sql").read_text(encoding="utf-8")
QUERY = jinja2.Template(SQL).render(ref=lambda name: name)

NIGHTS = [
    # method, drift, answers a prompt in both nights together; the baseline holds two
    ("mmd", 0.01, 4),
    ("identical", 0.0, 4),
    ("distance", 0.55, 3),
    ("distance", 0.56, 3),
    ("mmd", -0.01, 4),
]
ALONE = [("identical", 0.0, 2), ("distance", 0.2, 2), ("identical", 0.0, 2), ("distance", 0.1, 2)]


def database() -> duckdb.DuckDBPyConnection:
    """Return the tables that the model reads: no scores, and two models' drift against a baseline."""
    connection = duckdb.connect()
    score = "wave_id VARCHAR, capability VARCHAR, kernel VARCHAR"
    connection.execute(f"CREATE TABLE convergence_by_wave ({score}, panel VARCHAR, wave_date DATE, convergence DOUBLE)")
    connection.execute(f"CREATE TABLE convergence_change ({score}, reference_kind VARCHAR, change DOUBLE)")
    connection.execute("CREATE TABLE waves (wave_id VARCHAR, battery_sha VARCHAR)")
    connection.execute(
        "CREATE TABLE drift_by_model (wave_id VARCHAR, wave_date DATE, panel VARCHAR, model VARCHAR, "
        "capability VARCHAR, reference_kind VARCHAR, reference VARCHAR, kernel VARCHAR, method VARCHAR, drift DOUBLE, "
        "n_prompts BIGINT, n_samples BIGINT)"
    )
    for model, nights in (("mixed", NIGHTS), ("alone", ALONE)):
        for night, (method, drift, answers) in enumerate(nights, start=2):
            date = f"2026-01-{night:02}"
            named = [f"p/{date}", date, "p", model, "overall", "baseline", "p/2026-01-01", "combined"]
            connection.execute(
                f"INSERT INTO drift_by_model VALUES ({', '.join('?' * 12)})", [*named, method, drift, 10, 10 * answers]
            )
    return connection


def test_drift_of_single_answers_and_of_sampled_ones_never_share_a_series() -> None:
    found = database().execute(
        f"SELECT model, list(value ORDER BY place) AS followed FROM ({QUERY}) GROUP BY model, series_key ORDER BY ALL"
    )
    # what is identical is a 0 of the measure that would have been computed
    assert found.fetchall() == [
        ("alone", [0.0, 0.2, 0.0, 0.1]),
        ("mixed", [0.01, 0.0, -0.01]),
        ("mixed", [0.55, 0.56]),
    ]
