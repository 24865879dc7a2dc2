"""Tests and intervals measured: a whole build of two waves, growth with answers, and against scipy and plain loops.

Run: python tests/benchmarks/bench_inference.py [--answers 10000 100000 1000000] [--models 15] [--prompts 750].
Prints one JSON line a measurement. `build`: two waves of models x prompts x samples, embeddings given, in a process of
its own; `first_seconds` all of core and out, `again_seconds` the same again with nothing new, where unchanged tests are
read back (cpu: of all threads, whatever else the machine does), `peak_gb` the peak memory.
`growth`: the functions behind the tests on 50 models, 5 capabilities, one sample.
`against`: the same answer by scipy's generic function and by the obvious loop, in the same run.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

sys.path.insert(0, str(Path(__file__).parents[2]))

from lake.catalog import connect_writer, create_lake
from lake.store import Store
from models_sql.models.steps.convergence.semantic_pair_prompts import products
from models_sql.paired import sign_flip
from models_sql.run import build
from pipelines.inference.label_permutation import outcome, pair_nulls
from tests.benchmarks.bench_out_models import CAPABILITIES, write_vectors

DRAWS = 2000
MOST_PROMPTS = 500
"""Prompts of a capability that are permuted, as the dbt project sets it."""

WAVES = ("bench/2026-01-01", "bench/2026-01-02")


def main() -> None:
    """Measure everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--answers", type=int, nargs="*", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--models", type=int, default=15)
    parser.add_argument("--prompts", type=int, default=750)
    parser.add_argument("--samples", type=int, default=2)
    parser.add_argument("--measure", type=Path, help="store to build and measure, in this process")
    given = parser.parse_args()
    if given.measure:
        print(json.dumps(built(Store(given.measure))))
        return
    with tempfile.TemporaryDirectory() as folder:
        fill(Store(Path(folder)), given.models, given.prompts, given.samples)
        command = [sys.executable, __file__, "--measure", folder]
        result = subprocess.run(command, check=True, capture_output=True, text=True)
    size = {"models": given.models, "prompts": given.prompts, "samples": given.samples, "waves": len(WAVES)}
    print(json.dumps({"build": size | json.loads(result.stdout.splitlines()[-1])}), flush=True)
    for answers in given.answers:
        print(json.dumps({"growth": growth(answers)}), flush=True)
    print(json.dumps({"against": against_permutation()}), flush=True)
    print(json.dumps({"against": against_jackknife()}), flush=True)
    print(json.dumps({"against": against_sign_flips()}), flush=True)


def built(store: Store) -> dict[str, Any]:
    """Build twice; return seconds, the slowest models and the peak memory in GB."""
    started = time.process_time()
    first = build(store)
    middle = time.process_time()
    nodes = json.loads((store.state / "dbt" / "target" / "run_results.json").read_text(encoding="utf-8"))["results"]
    slowest = sorted(((round(n["execution_time"], 2), n["unique_id"].split(".")[2]) for n in nodes), reverse=True)[:8]
    again = build(store)
    return {
        "first_seconds": round(first.seconds, 1),
        "again_seconds": round(again.seconds, 1),
        "first_cpu_seconds": round(middle - started, 1),
        "again_cpu_seconds": round(time.process_time() - middle, 1),
        "peak_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        "slowest": slowest,
    }


def growth(answers: int) -> dict[str, float]:
    """Time what each prompt adds to every pair (the jackknife), and the permutation of labels, of one wave."""
    n_models, n_prompts = 50, answers // 50 // 5
    rng = np.random.default_rng(0)
    seconds = {"jackknife": 0.0, "permutation": 0.0}
    for _ in CAPABILITIES:
        vectors = unit_vectors(n_prompts, n_models, rng)
        present = np.ones((n_prompts, n_models), dtype=bool)
        seconds["jackknife"] += timed(partial(deque, products(vectors, present), maxlen=0))[0]
        some = (vectors[:MOST_PROMPTS], present[:MOST_PROMPTS])
        seconds["permutation"] += timed(partial(pair_nulls, *some, DRAWS, rng))[0]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {"answers": answers, **{f"{k}_seconds": round(v, 2) for k, v in seconds.items()}, "peak_gb": round(peak, 2)}


def against_permutation() -> dict[str, Any]:
    """Time the p of 6 models x 40 prompts: ours, scipy's, and the loop that permutes and multiplies."""
    rng = np.random.default_rng(1)
    vectors = unit_vectors(40, 6, rng).astype(float)
    present = np.ones((40, 6), dtype=bool)

    def score(*labels: np.ndarray) -> float:
        scores = []
        for a in range(6):
            for b in range(a + 1, 6):
                kernel = vectors[labels[a].astype(int), a] @ vectors[labels[b].astype(int), b].T
                match, chance = np.trace(kernel) / 40, (kernel.sum() - np.trace(kernel)) / (40 * 39)
                scores.append((match - chance) / (1 - chance))
        return float(np.mean(scores))

    def ours() -> float | None:
        found = pair_nulls(vectors, present, DRAWS, np.random.default_rng(2))
        return outcome(float(found.observed.mean()), found.null.mean(axis=1)).p_value

    def theirs() -> float:
        labels = [np.arange(40) for _ in range(6)]
        found = stats.permutation_test(
            labels,
            score,
            permutation_type="pairings",
            alternative="greater",
            n_resamples=DRAWS,
            rng=np.random.default_rng(3),
        )
        return float(found.pvalue)

    def loop() -> float:
        own = np.random.default_rng(4)
        observed = score(*[np.arange(40)] * 6)
        reached = sum(score(*[own.permutation(40) for _ in range(6)]) >= observed for _ in range(DRAWS))
        return (reached + 1) / (DRAWS + 1)

    return compared("p of convergence, 6 models x 40 prompts, 2000 draws", ours, theirs, loop)


def against_jackknife() -> dict[str, Any]:
    """Time every leave-one-prompt-out score of 15 models x 150 prompts: closed form, scipy's way, the loop's."""
    vectors = unit_vectors(150, 15, np.random.default_rng(5)).astype(float)
    present = np.ones((150, 15), dtype=bool)

    def score(prompts: np.ndarray) -> float:
        kept = vectors[prompts]
        n = len(kept)
        match = np.einsum("pad,pbd->ab", kept, kept) / n
        sums = kept.sum(axis=0)
        chance = (sums @ sums.T - n * match) / (n * (n - 1))
        return float(((match - chance) / (1 - chance))[np.triu_indices(15, 1)].mean())

    def ours() -> float:
        parts = [np.concatenate(of) for of in zip(*products(vectors.astype(np.float32), present), strict=True)]
        n_pairs, n = 105, 150
        match, part = parts[3].reshape(n, n_pairs), parts[4].reshape(n, n_pairs)
        total, links = match.sum(axis=0), part.sum(axis=0) / 2
        left_match = (total - match) / (n - 1)
        left_chance = (links - part) / ((n - 1) * (n - 2))
        return spread(((left_match - left_chance) / (1 - left_chance)).mean(axis=1))

    def theirs() -> float:
        # scipy has no jackknife of its own: its bootstrap, with as many resamples, through the same generic function
        found = stats.bootstrap(
            (np.arange(150),), score, vectorized=False, n_resamples=150, method="basic", rng=np.random.default_rng(6)
        )
        return float(found.standard_error)

    def loop() -> float:
        return spread(np.array([score(np.delete(np.arange(150), p)) for p in range(150)]))

    return compared("SE over prompts, 15 models x 150 prompts", ours, theirs, loop)


def spread(scores: np.ndarray) -> float:
    """Return the jackknife's standard error from the leave-one-out scores."""
    n = len(scores)
    return float(np.sqrt((n - 1) / n * ((scores - scores.mean()) ** 2).sum()))


def against_sign_flips() -> dict[str, Any]:
    """Time the paired permutation of 750 prompts."""
    difference = np.random.default_rng(6).normal(0.05, 1, 750)

    def loop() -> float:
        own = np.random.default_rng(8)
        observed = abs(difference.sum())
        reached = sum(abs((difference * own.choice([-1, 1], 750)).sum()) >= observed for _ in range(9999))
        return (reached + 1) / 10_000

    return compared(
        "paired permutation, 750 prompts, 9999 draws",
        lambda: sign_flip(difference, 9999, np.random.default_rng(7))[0],
        lambda: float(
            stats.permutation_test(
                (difference,),
                lambda x, axis: x.mean(axis=axis),
                permutation_type="samples",
                vectorized=True,
                n_resamples=9999,
                rng=np.random.default_rng(9),
            ).pvalue
        ),
        loop,
    )


def compared(what: str, ours: Callable[[], Any], theirs: Callable[[], Any], loop: Callable[[], Any]) -> dict[str, Any]:
    """Return seconds and answers of the three ways."""
    found: dict[str, Any] = {"what": what}
    for name, way in (("ours", ours), ("scipy", theirs), ("loop", loop)):
        seconds, answer = timed(way)
        found |= {f"{name}_seconds": round(seconds, 3), name: answer}
    return found


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return (seconds, what the work returned)."""
    started = time.perf_counter()
    answer = work()
    return time.perf_counter() - started, answer


def unit_vectors(n_prompts: int, n_models: int, rng: np.random.Generator) -> np.ndarray:
    """Return made-up embeddings that agree a little on each prompt, shape (prompts, models, 384)."""
    vectors = rng.standard_normal((n_prompts, n_models, 384), dtype=np.float32)
    vectors += 1 + 0.1 * rng.standard_normal((n_prompts, 1, 384), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
    return vectors


def fill(store: Store, n_models: int, n_prompts: int, n_samples: int) -> None:
    """Make a lake with two passed waves: half of an answer's words belong to the prompt, half to the draw."""
    create_lake(store)
    connection = connect_writer(store)
    for wave_id in WAVES:
        key = f"'{wave_id}' AS wave_id, DATE '{wave_id[-10:]}' AS wave_date"
        connection.execute(
            f"INSERT INTO ops.waves BY NAME SELECT {key}, 'bench' AS panel, 'imported' AS wave_kind, "
            "'loaded' AS status, "
            "'p' AS panel_sha, 'b' AS battery_sha, 'bench' AS code_version, 0 AS planned_cells, now() AS started_at"
        )
        connection.execute(
            f"INSERT INTO ops.verdicts BY NAME SELECT '{wave_id}#1' AS audit_id, '{wave_id}' AS wave_id, "
            "'wave' AS scope, 'passed' AS verdict, 0 AS n_bad, 'All is well.' AS detail, now() AS decided_at"
        )
        connection.execute(
            f"INSERT INTO raw.prompts BY NAME SELECT {key}, 'bench' AS battery, '1' AS battery_version, "
            f"'b' AS battery_sha, {n_prompts} AS declared_prompts, 'p' || n AS prompt_id, "
            f"{list(CAPABILITIES)!r}[n % 5 + 1] AS capability, 'made up' AS family, 'answers' AS expected_behavior, "
            f"'[]' AS messages, sha256('p' || n) AS prompt_sha FROM range({n_prompts}) AS prompts (n)"
        )
        connection.execute(
            f"INSERT INTO raw.roster BY NAME SELECT {key}, 'bench' AS panel, 'model-' || m AS model, 'b' AS endpoint, "
            "'openai_compatible' AS endpoint_kind, 'member' AS role, '[]' AS served_names, '{}' AS settings, "
            f"'config-' || m AS config_sha FROM range({n_models}) AS models (m)"
        )
        cells = (
            f"SELECT {key}, 'bench' AS panel, 'model-' || m AS model_requested, 'bench' AS endpoint, "
            f"'p' || n AS prompt_id, CAST(s AS INTEGER) AS sample_index, 'measure' AS purpose "
            f"FROM range({n_models}) AS models (m), range({n_prompts}) AS prompts (n), "
            f"range({n_samples}) AS samples (s)"
        )
        connection.execute(f"INSERT INTO raw.planned_cells BY NAME SELECT *, 0 AS position, 0 AS seed FROM ({cells})")
        words = (
            "[CASE WHEN hash(wave_id, model_requested, prompt_id, sample_index, i) % 2 = 0 "
            "THEN 'w' || hash(prompt_id, i) % 3000 "
            "ELSE 'w' || hash(wave_id, model_requested, prompt_id, sample_index, i, 1) % 400 END FOR i IN range(90)]"
        )
        connection.execute(
            "INSERT INTO raw.attempts BY NAME SELECT *, model_requested AS model_served, 1 AS attempt, "
            "'ok' AS outcome, "
            f"array_to_string({words}, ' ') AS response_text, 500.0 + hash(prompt_id, sample_index, wave_id) % 99 "
            f"AS latency_ms, 90 AS completion_tokens, now() AS asked_at, '{{}}' AS request FROM ({cells})"
        )
    write_vectors(connection)
    connection.close()


if __name__ == "__main__":
    main()
