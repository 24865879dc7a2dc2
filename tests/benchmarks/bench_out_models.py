"""How long core and out take to build as answers grow, and how much memory: 50 models, one sample a prompt, one wave.

Run: python tests/benchmarks/bench_out_models.py [--answers 10000 100000 1000000] [--semantic-above 200000]
[--models 50] [--samples 1]. Each size runs in a process of its own; prints one JSON line a size. Above the size
given only what the semantic kernel needs is built. 15 models x 750 prompts x 2 samples, the size of a panel:
--answers 22500 --models 15 --samples 2.

`semantic_seconds` is the SQL from vectors to match and chance of every pair under the semantic kernel, with what its
intervals need of every prompt; `build_seconds` all of the dbt build with its tests; `slowest` its five slowest nodes;
`peak_gb` the peak memory of the process; `reference_seconds` one pass over all vectors that sums them in groups, the
least that any SQL could do.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).parents[2]))

from lake.catalog import connect_writer, create_lake
from lake.store import Store
from models_sql.run import build

CAPABILITIES = (
    "truthfulness",
    "safety_boundaries",
    "instruction_following",
    "uncertainty_expression",
    "context_awareness",
)
SEMANTIC = ("text_vectors", "semantic_means", "semantic_sums", "semantic_pair_prompts", "semantic_pairs")
DISTRIBUTIONAL = (
    "text_tokens",
    "answer_tokens",
    "distributional_answers",
    "distributional_shared",
    "chance_orders",
    "distributional_chance_parts",
    "distributional_pair_prompts",
    "distributional_pairs",
)
INTERVALS = ("pair_subjects", "subject_scores", "prompt_influences", "model_influences", "variances", "half_widths")
CHUNK = 50_000


def main() -> None:
    """Measure every size asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--answers", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--models", type=int, default=50, help="models of the wave")
    parser.add_argument("--samples", type=int, default=1, help="samples a prompt")
    parser.add_argument("--measure", type=Path, help="store to build and measure, in this process")
    parser.add_argument("--semantic-above", type=int, default=200_000, help="above this many answers, build only that")
    parser.add_argument("--select", default=None, help="dbt selection, with --measure")
    given = parser.parse_args()
    if given.measure:
        print(json.dumps(measured(Store(given.measure), given.select)))
        return
    for answers in given.answers:
        with tempfile.TemporaryDirectory() as folder:
            store = Store(Path(folder))
            n_prompts = answers // given.models // given.samples
            fill(store, n_prompts, given.models, given.samples)
            select = ["--select", "+semantic_pairs"] if answers > given.semantic_above else []
            command = [sys.executable, __file__, "--measure", folder, *select]
            result = subprocess.run(command, check=True, capture_output=True, text=True)
            size = {"answers": answers, "models": given.models, "samples": given.samples}
            print(json.dumps({**size, **json.loads(result.stdout.splitlines()[-1])}), flush=True)


def measured(store: Store, select: str | None) -> dict[str, object]:
    """Build a filled store; return seconds by part, None for what was not built, and the peak memory in GB."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    connection = connect_writer(store)
    sums = ", ".join(f"sum(vector[{n}])" for n in range(1, 385))
    started = time.perf_counter()
    connection.execute(f"SELECT text_sha[1:1], {sums} FROM raw.embeddings GROUP BY 1").fetchall()
    reference = time.perf_counter() - started
    connection.close()
    result = build(store, select=select)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    nodes = json.loads((store.state / "dbt" / "target" / "run_results.json").read_text(encoding="utf-8"))["results"]
    seconds = {node["unique_id"].split(".")[2]: node["execution_time"] for node in nodes}

    def part(names: tuple[str, ...]) -> float | None:
        return round(sum(seconds[name] for name in names), 2) if all(name in seconds for name in names) else None

    return {
        "reference_seconds": round(reference, 2),
        "semantic_seconds": part(SEMANTIC),
        "distributional_seconds": part(DISTRIBUTIONAL),
        "interval_seconds": part(INTERVALS),
        "build_seconds": round(result.seconds, 2),
        "slowest": {name: round(seconds[name], 2) for name in sorted(seconds, key=seconds.__getitem__)[:-6:-1]},
        "before_gb": round(before / 2**20, 2),
        "peak_gb": round(peak / 2**20, 2),
    }


def fill(store: Store, n_prompts: int, n_models: int, n_samples: int) -> None:
    """Make a lake with one passed wave: half of an answer's words belong to the prompt, half to the model's draw."""
    create_lake(store)
    connection = connect_writer(store)
    key = "'bench/2026-01-01' AS wave_id, DATE '2026-01-01' AS wave_date"
    connection.execute(
        f"INSERT INTO ops.waves BY NAME SELECT {key}, 'bench' AS panel, 'imported' AS wave_kind, 'loaded' AS status, "
        "'p' AS panel_sha, 'b' AS battery_sha, 'bench' AS code_version, 0 AS planned_cells, now() AS started_at"
    )
    connection.execute(
        "INSERT INTO ops.verdicts BY NAME SELECT 'bench#1' AS audit_id, 'bench/2026-01-01' AS wave_id, "
        "'wave' AS scope, 'passed' AS verdict, 0 AS n_bad, 'All is well.' AS detail, now() AS decided_at"
    )
    connection.execute(
        f"INSERT INTO raw.prompts BY NAME SELECT {key}, 'bench' AS battery, '1' AS battery_version, "
        f"'b' AS battery_sha, {n_prompts} AS declared_prompts, 'p' || n AS prompt_id, "
        f"{list(CAPABILITIES)!r}[n % 5 + 1] AS capability, "
        "'made up' AS family, 'answers' AS expected_behavior, '[]' AS messages, sha256('p' || n) AS prompt_sha "
        f"FROM range({n_prompts}) AS prompts (n)"
    )
    connection.execute(
        f"INSERT INTO raw.roster BY NAME SELECT {key}, 'bench' AS panel, 'model-' || m AS model, 'bench' AS endpoint, "
        "'openai_compatible' AS endpoint_kind, 'member' AS role, '[]' AS served_names, '{}' AS settings, "
        "'provider-' || m % 5 AS provider, 'family-' || m % 7 AS family, 'region-' || m % 2 AS region, "
        f"m % 3 = 0 AS open_weights, 'config-' || m AS config_sha FROM range({n_models}) AS models (m)"
    )
    cells = (
        f"SELECT {key}, 'bench' AS panel, 'model-' || m AS model_requested, 'bench' AS endpoint, "
        f"'p' || n AS prompt_id, s AS sample_index, 'measure' AS purpose "
        f"FROM range({n_models}) AS models (m), range({n_prompts}) AS prompts (n), range({n_samples}) AS samples (s)"
    )
    connection.execute(f"INSERT INTO raw.planned_cells BY NAME SELECT *, 0 AS position, 0 AS seed FROM ({cells})")
    words = (
        "[CASE WHEN hash(model_requested, prompt_id, i) % 2 = 0 THEN 'w' || hash(prompt_id, i) % 3000 "
        "ELSE 'w' || hash(model_requested, prompt_id, i, 1 + sample_index) % 400 END FOR i IN range(40)]"
    )
    connection.execute(
        "INSERT INTO raw.attempts BY NAME SELECT *, model_requested AS model_served, 1 AS attempt, 'ok' AS outcome, "
        f"array_to_string({words}, ' ') AS response_text, 500.0 AS latency_ms, now() AS asked_at, '{{}}' AS request "
        f"FROM ({cells})"
    )
    write_vectors(connection)
    connection.close()


def write_vectors(connection: object) -> None:
    """Write a random unit vector for every text."""
    shas = [sha for (sha,) in connection.execute("SELECT DISTINCT sha256(response_text) FROM raw.attempts").fetchall()]  # type: ignore[attr-defined]
    rng = np.random.default_rng(0)
    now = datetime.now(UTC)
    for start in range(0, len(shas), CHUNK):
        chunk = shas[start : start + CHUNK]
        vectors = rng.standard_normal((len(chunk), 384), dtype=np.float32) + 1
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        lists = pa.ListArray.from_arrays(
            pa.array(range(0, vectors.size + 1, 384), pa.int32()), pa.array(vectors.ravel())
        )
        connection.register("chunk", pa.table({"text_sha": chunk, "vector": lists}))  # type: ignore[attr-defined]
        connection.execute(  # type: ignore[attr-defined]
            "INSERT INTO raw.embeddings SELECT text_sha, 'all-MiniLM-L6-v2', 'fp32', vector, ? FROM chunk", [now]
        )


if __name__ == "__main__":
    main()
