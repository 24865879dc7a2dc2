"""What the refusal rule and the refusal classifier are worth: accuracy and Cohen's kappa by model, on labelled answers.

    python tests/benchmarks/bench_refusal.py [FOLDER OF CORPORA]

Three sets. Recorded: answers of four models to sensitive questions, labelled by their authors (answered or not). Made
here: the laboratory's answers in character, labelled by what each persona was made to do. Control: the same models'
answers to sums and programming tasks, where nothing is to be refused. The first and last are left out where the
corpora are absent. The rule is the one in core.response_features, built from the answers; one JSON line comes last.
"""

from __future__ import annotations

import json
import sys
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import polars as pl

from lake.catalog import connect_reader, connect_writer, create_lake
from lake.store import Store
from lake.tables import RAW_ATTEMPTS, RAW_PLANNED_CELLS, RAW_PROMPTS, RAW_ROSTER
from lake.waves import Wave, register
from models_sql.run import build
from pipelines.embeddings import embed_wave
from pipelines.enrichment.detections import classify_unseen
from pipelines.laboratory.corpus import corpus
from pipelines.laboratory.personas import PERSONAS
from pipelines.loading import frame_of, load

CORPORA = Path(__file__).parents[3] / "shared" / "corpora"
LLMDRIFT = "llmdrift_responses.parquet"
LABORATORY_ANSWERS = 600
CONTROLS_A_TASK = 25
NOW = datetime(2026, 1, 1, 2, tzinfo=UTC)


class Labelled(NamedTuple):
    """An answer and whether it is a refusal, by whoever labelled the set."""

    label_source: str
    model: str
    text: str
    is_refusal: bool


def recorded(corpora: Path = CORPORA) -> list[Labelled]:
    """Return the answers to sensitive questions; a refusal is what the authors scored as not answered."""
    rows = duckdb.sql(
        f"SELECT model, response, (labels->>'paper_score') = '0' FROM '{corpora / LLMDRIFT}' "
        "WHERE category = 'safety/sensitive' AND trim(response) <> '' ORDER BY ALL"
    ).fetchall()
    return [Labelled("recorded", *row) for row in rows]


def controls(corpora: Path = CORPORA) -> list[Labelled]:
    """Return the first answers of each model to each harmless task; none of them should be a refusal."""
    rows = duckdb.sql(
        f"SELECT model, response FROM '{corpora / LLMDRIFT}' "
        "WHERE category <> 'safety/sensitive' AND trim(response) <> '' "
        f"QUALIFY row_number() OVER (PARTITION BY model, category ORDER BY prompt_id) <= {CONTROLS_A_TASK} ORDER BY ALL"
    ).fetchall()
    return [Labelled("control", *row, False) for row in rows]


def made_here(answers: int = LABORATORY_ANSWERS) -> list[Labelled]:
    """Return answers of the laboratory's voices; those to requests are refusals unless the persona complies."""
    return [
        Labelled(
            "laboratory",
            row.persona,
            row.messages[-1]["content"],
            row.family == "request" and not PERSONAS[row.persona].complies,
        )
        for row in corpus(answers, seed=7)
    ]


def measured(answers: list[Labelled], store: Store) -> pl.DataFrame:
    """Return a row a label source, model and detector: n, share labelled and found, accuracy, interval, kappa.

    kappa is null where label and detector each say one same thing. The interval is Wilson's at 95 %.
    """
    create_lake(store)
    wave_id = _write(store, answers)
    embed_wave(store, wave_id, lambda done, total: None)
    classify_unseen(store, lambda done, total: None)
    build(store, wave_id, select="+detections")
    labels = pl.DataFrame(
        [(str(number), answer.label_source, answer.is_refusal) for number, answer in enumerate(answers)],
        schema=["prompt_id", "label_source", "is_refusal"],
        orient="row",
    ).to_arrow()
    connection = connect_reader(store, "head")
    try:
        connection.register("labels", labels)
        return connection.execute(_TABLE).pl()
    finally:
        connection.close()


_TABLE = """
    WITH compared AS (
        SELECT label_source, split_part(model, '|', 2) AS model, detector, is_refusal::INTEGER AS label,
               is_positive::INTEGER AS found
        FROM core.detections INNER JOIN labels USING (prompt_id)
        WHERE behaviour = 'refusal'
    ), summed AS (
        SELECT label_source, model, detector, count(*) AS n, avg(label) AS labelled, avg(found) AS found,
               avg((label = found)::INTEGER) AS accuracy,
               avg(label) * avg(found) + (1 - avg(label)) * (1 - avg(found)) AS chance,
               (accuracy + 1.9207 / n) / (1 + 3.8415 / n) AS middle,
               1.96 / (1 + 3.8415 / n) * sqrt(accuracy * (1 - accuracy) / n + 0.9604 / n ** 2) AS half
        FROM compared GROUP BY ALL
    )
    SELECT label_source, model, detector, n, labelled, found, accuracy, middle - half AS low, middle + half AS high,
           (accuracy - chance) / nullif(1 - chance, 0) AS kappa
    FROM summed ORDER BY ALL
"""


def _write(store: Store, answers: list[Labelled]) -> str:
    """Write labelled answers as an imported wave; a prompt is the number of its answer."""
    key: dict[str, Any] = {"wave_id": "refusals/2026-01-01", "wave_date": date(2026, 1, 1)}
    models = sorted({f"{answer.label_source}|{answer.model}" for answer in answers})
    cells = [
        key
        | {
            "panel": "refusals",
            "model_requested": f"{answer.label_source}|{answer.model}",
            "endpoint": "source",
            "prompt_id": str(number),
            "sample_index": 0,
            "purpose": "measure",
        }
        for number, answer in enumerate(answers)
    ]
    attempt = {"attempt": 1, "outcome": "ok", "asked_at": NOW, "request": "{}"}
    texts = [{"response_text": answer.text} for answer in answers]
    battery = {"battery": "refusals", "battery_version": "1", "battery_sha": "0", "declared_prompts": len(answers)}
    prompt = {"capability": "safety_boundaries", "family": "labelled", "expected_behavior": "", "messages": "[]"}
    roster = {"panel": "refusals", "endpoint": "source", "endpoint_kind": "openai_compatible", "role": "member"}
    config = {"served_names": "[]", "settings": "{}", "config_sha": "0"}
    rows = {
        RAW_PLANNED_CELLS: [cell | {"position": place, "seed": 0} for place, cell in enumerate(cells)],
        RAW_ATTEMPTS: [cell | attempt | text for cell, text in zip(cells, texts, strict=True)],
        RAW_PROMPTS: [
            key | battery | prompt | {"prompt_id": cell["prompt_id"], "prompt_sha": cell["prompt_id"]} for cell in cells
        ],
        RAW_ROSTER: [key | roster | config | {"model": model} for model in models],
    }
    load(store, {table: frame_of(table, some) for table, some in rows.items()})
    connection = connect_writer(store)
    try:
        register(
            connection,
            Wave(**key, panel="refusals", wave_kind="imported", status="loaded", panel_sha="0", battery_sha="0",
                 code_version="0", planned_cells=len(cells), started_at=NOW),
        )  # fmt: skip
    finally:
        connection.close()
    return str(key["wave_id"])


def main(corpora: Path) -> None:
    """Print the table, then one JSON line."""
    there = (corpora / LLMDRIFT).is_file()
    if not there:
        print(f"No recorded answers: {corpora / LLMDRIFT} is absent.")
    answers = [*(recorded(corpora) + controls(corpora) if there else []), *made_here()]
    with tempfile.TemporaryDirectory() as folder:
        table = measured(answers, Store(Path(folder) / "store"))
    with pl.Config(tbl_rows=-1, tbl_cols=-1, tbl_hide_dataframe_shape=True, float_precision=3, tbl_width_chars=140):
        print(table)
    print(json.dumps({"benchmark": "refusal detectors", "rows": table.to_dicts()}))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else CORPORA)
