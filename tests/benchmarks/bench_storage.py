"""A million answers in the lake against the same rows in plain Parquet and in JSONL.

Prints one JSON line: bytes an answer in each form, and milliseconds for the five typical questions
in the lake and in DuckDB over the plain Parquet file, where length and refusal are computed on the
fly because nothing stored them.
"""

import json
import statistics
import tempfile
import time
from pathlib import Path

import duckdb

from lake.catalog import connect, connect_writer, create_lake, transact
from lake.store import Store

ANSWERS, MODELS, WAVES = 1_000_000, 20, 50
RUNS = 3

# Texts of about 600 characters: phrases in an order that depends on the row, as answers repeat themselves.
PHRASES = [
    "the committee met again and the vote was put off until the minutes of the last meeting could be found",
    "most of what is known about the valley comes from letters that were never meant to be kept",
    "a pinch of salt at the start changes less than people think, but the pan must be hot",
    "in the second draft the numbers were moved to a table, where nobody could misread them",
    "we are sorry, but we cannot help with that request as it stands",
    "there are three ways to look at it, and the cheapest is to wait for the next train",
    "the engine is simple enough to be mended with what lies in the boot of the car",
    "perhaps the better question is what would have to be true for both reports to be right",
]
ROWS = f"""
    SELECT
        'bench/' || (DATE '2026-01-01' + (i // {ANSWERS // WAVES})::INTEGER) AS wave_id,
        DATE '2026-01-01' + (i // {ANSWERS // WAVES})::INTEGER AS wave_date,
        'bench' AS panel,
        'model-' || i % {MODELS} AS model_requested,
        'prompt-' || (i // {MODELS}) % {ANSWERS // WAVES // MODELS} AS prompt_id,
        'truthfulness' AS capability,
        0::INTEGER AS sample_index,
        'measure' AS purpose,
        array_to_string(
            [{PHRASES!r}[1 + (hash(i // (1 + i % 7) + 31 * part) % {len(PHRASES)})::INTEGER] for part in range(7)], '. '
        ) || ' (' || i // 3 || ')' AS response_text
    FROM range({ANSWERS}) AS t(i)
"""
REFUSAL = "regexp_matches(lower(response_text), '\\b(can''t|cannot|unable|won''t|will not)\\b')"

QUESTIONS = {
    "count by model and wave": (
        "SELECT model_requested, wave_id, count(*) FROM {answers} GROUP BY ALL",
        "SELECT model_requested, wave_id, count(*) FROM {answers} GROUP BY ALL",
    ),
    "mean length over time": (
        "SELECT wave_date, avg(n_chars) FROM core.response_features GROUP BY ALL",
        "SELECT wave_date, avg(length(response_text)) FROM {answers} GROUP BY ALL",
    ),
    "last answer of a model to a prompt": (
        "SELECT arg_max(response_text, wave_date) FROM {answers} "
        "WHERE model_requested = 'model-3' AND prompt_id = 'prompt-7'",
    )
    * 2,
    "refusal share by month": (
        "SELECT date_trunc('month', wave_date), avg(is_refusal_rule::INTEGER) FROM core.response_features GROUP BY ALL",
        f"SELECT date_trunc('month', wave_date), avg(({REFUSAL})::INTEGER) FROM {{answers}} GROUP BY ALL",
    ),
    "answers changed between two waves": (
        "SELECT count(*) FROM {answers} AS a JOIN {answers} AS b USING (model_requested, prompt_id, sample_index) "
        "WHERE a.wave_id = 'bench/2026-01-10' AND b.wave_id = 'bench/2026-01-11' AND a.text_sha <> b.text_sha",
        "SELECT count(*) FROM {answers} AS a JOIN {answers} AS b USING (model_requested, prompt_id, sample_index) "
        "WHERE a.wave_id = 'bench/2026-01-10' AND b.wave_id = 'bench/2026-01-11' "
        "AND a.response_text <> b.response_text",
    ),
}


def main() -> None:
    """Write the answers once in each form and ask the same questions of both."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = Store(folder / "store")
        create_lake(store)
        writer = connect_writer(store)
        transact(writer, fill)
        lake_bytes = sum(path.stat().st_size for path in (store.data / "core" / "responses").rglob("*.parquet"))
        plain = connect()
        plain.execute(f"CREATE TABLE rows AS {ROWS}")
        plain.execute(f"COPY rows TO '{folder}/plain.parquet' (COMPRESSION zstd)")
        jsonl_bytes = count_jsonl(plain, folder)
        plain.execute("DROP TABLE rows")
        figures = {
            "benchmark": "storage",
            "answers": ANSWERS,
            "characters_an_answer": round(mean_characters(plain, folder)),
            "bytes_an_answer": {
                "lake": round(lake_bytes / ANSWERS, 1),
                "plain_zstd_parquet": round((folder / "plain.parquet").stat().st_size / ANSWERS, 1),
                "jsonl": round(jsonl_bytes / ANSWERS, 1),
            },
            "ms": {
                question: {
                    "lake": milliseconds(writer, lake.format(answers="core.responses")),
                    "plain_parquet": milliseconds(plain, other.format(answers=f"'{folder}/plain.parquet'")),
                }
                for question, (lake, other) in QUESTIONS.items()
            },
        }
    print(json.dumps(figures))


def fill(writer: duckdb.DuckDBPyConnection) -> None:
    """Put the answers and their stored features into core, as a build would."""
    writer.execute(f"INSERT INTO core.responses BY NAME SELECT *, sha256(response_text) AS text_sha FROM ({ROWS})")
    writer.execute(
        f"""
        INSERT INTO core.response_features BY NAME
        SELECT wave_id, wave_date, panel, model_requested, prompt_id, sample_index, purpose,
               length(response_text) AS n_chars, {REFUSAL} AS is_refusal_rule
        FROM core.responses
        """
    )


def count_jsonl(connection: duckdb.DuckDBPyConnection, folder: Path) -> int:
    """Return the bytes of the rows as JSON lines, one object an answer."""
    row = connection.execute("SELECT sum(octet_length(encode(to_json(rows)::VARCHAR)) + 1) FROM rows").fetchone()
    return int(row[0]) if row else 0


def mean_characters(connection: duckdb.DuckDBPyConnection, folder: Path) -> float:
    """Return the mean length of the answers in code points."""
    row = connection.execute(f"SELECT avg(length(response_text)) FROM '{folder}/plain.parquet'").fetchone()
    return float(row[0]) if row else 0.0


def milliseconds(connection: duckdb.DuckDBPyConnection, query: str) -> float:
    """Return the median time of a query over a few runs, after one that warms up."""
    connection.execute(query).fetchall()
    took = []
    for _ in range(RUNS):
        started = time.perf_counter()
        connection.execute(query).fetchall()
        took.append(1000 * (time.perf_counter() - started))
    return round(statistics.median(took), 1)


if __name__ == "__main__":
    main()
