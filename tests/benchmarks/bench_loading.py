"""Loading a night's attempts by dlt against a plain DuckDB insert of the same rows into the same table.

Prints one JSON line: rows a second either way and their ratio. dlt pays for its schema contract,
its load package on disk and its bookkeeping; the plain insert does none of these.
"""

import json
import tempfile
import time
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl

from flows.environment import prepare_environment
from lake.catalog import connect_writer, create_lake, transact
from lake.store import Store
from lake.tables import RAW_ATTEMPTS
from pipelines.loading import frame_of, load

ROWS = 100_000


def attempts(wave_id: str) -> pl.DataFrame:
    """Return made-up attempts with texts of about 600 characters."""
    row = {
        "wave_id": wave_id,
        "wave_date": date(2026, 1, 1),
        "panel": "bench",
        "endpoint": "e",
        "purpose": "measure",
        "attempt": 1,
        "outcome": "ok",
        "asked_at": datetime(2026, 1, 1, 2, tzinfo=UTC),
        "request": "{}",
        "sample_index": 0,
    }
    frame = frame_of(RAW_ATTEMPTS, [row]).select(pl.all().repeat_by(ROWS).explode())
    number = pl.int_range(pl.len())
    return frame.with_columns(
        model_requested=pl.format("model-{}", number % 20),
        prompt_id=pl.format("prompt-{}", number // 20),
        response_text=pl.format("answer {} ", number) + pl.lit("the weather in the north is fair today " * 15),
    )


def main() -> None:
    """Run both in one store, one after the other, and print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "store")
        prepare_environment(store)
        create_lake(store)
        load(store, {RAW_ATTEMPTS: attempts("bench/warm-up").head(10)})

        started = time.perf_counter()
        load(store, {RAW_ATTEMPTS: attempts("bench/by-dlt")})
        by_dlt = time.perf_counter() - started

        connection = connect_writer(store)
        connection.register("rows", attempts("bench/plain").to_arrow())
        started = time.perf_counter()
        transact(connection, lambda writer: writer.execute("INSERT INTO raw.attempts SELECT * FROM rows"))
        plain = time.perf_counter() - started
    figures = {
        "benchmark": "load",
        "rows": ROWS,
        "dlt_rows_per_s": round(ROWS / by_dlt),
        "plain_insert_rows_per_s": round(ROWS / plain),
        "dlt_seconds_per_plain_second": round(by_dlt / plain, 2),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
