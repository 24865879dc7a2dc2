"""How the mean of each metric moved since epoch 0, with interval and p: by seed, and over all seeds together.

A Python model because SQL knows neither Student's t nor random signs. Grain: (experiment, version, source, behaviour,
metric, detector, epoch, seed, subject); seed null for all seeds together. subject: change (of the target),
canary_change, or transfer (the target's change less the canary's, item by item).

A change is over the items that have a value at both epochs, a transfer over those that have all four; over several
seeds over those that have them under every seed. p is of one seed's target, by models_sql.paired.
"""

from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from models_sql.crossed import mean_change
from models_sql.paired import mcnemar, sign_flip
from pipelines.inference.seeds import seed_of

DRAWS = 9999
SERIES = ("experiment", "version", "source", "behaviour", "metric", "detector", "epoch")
# what is estimated, which items are known to it, and the largest difference of two shares
SUBJECTS = (("change", "target_known", 1.0), ("canary_change", "canary_known", 1.0), ("transfer", "target_known", 2.0))
SCHEMA = pa.schema(
    [
        ("experiment", pa.string()),
        ("version", pa.int64()),
        ("source", pa.string()),
        ("behaviour", pa.string()),
        ("metric", pa.string()),
        ("detector", pa.string()),
        ("epoch", pa.int64()),
        ("seed", pa.int64()),
        ("subject", pa.string()),
        ("n_seeds", pa.int64()),
        ("n_items", pa.int64()),
        ("n_unmatched", pa.int64()),
        ("value", pa.float64()),
        ("ci_low", pa.float64()),
        ("ci_high", pa.float64()),
        ("method", pa.string()),
        ("p_value", pa.float64()),
        ("n_draws", pa.int64()),
        ("draw_seed", pa.int64()),
        ("reason", pa.string()),
    ]
)


def estimate(differences: np.ndarray, known: np.ndarray, is_share: bool, most: float) -> dict[str, Any]:
    """Return the estimate over items that every seed has; both arrays have shape (items, seeds), nulls are nan."""
    whole = ~np.isnan(differences).any(axis=1)
    used = differences[whole]
    is_binary = is_share and bool((np.abs(used) <= most).all() and (used == np.round(used)).all())
    n_known = int(known.any(axis=1).sum())
    return {
        "n_seeds": differences.shape[1],
        "n_items": len(used),
        "n_unmatched": n_known - len(used),
        **mean_change(used, is_binary, most)._asdict(),
    }


def tested(differences: np.ndarray, is_share: bool, names: tuple[Any, ...]) -> dict[str, Any]:
    """Return the p of one seed's change; nothing under two items, which cannot be tested."""
    used = differences[~np.isnan(differences)]
    if len(used) < 2:
        return {}
    if is_share and bool(np.isin(used, (-1.0, 0.0, 1.0)).all()):
        return {"method": "mcnemar", "p_value": mcnemar(used)}
    draw_seed = seed_of(*(str(name) for name in names))
    p_value, n_draws = sign_flip(used, DRAWS, np.random.default_rng(draw_seed))
    drawn = {"n_draws": n_draws, "draw_seed": draw_seed if n_draws == DRAWS else None}
    return {"method": "sign_flip", "p_value": p_value, **drawn}


def estimates(series: tuple[Any, ...], items: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of one series at one epoch, of every seed and of all together."""
    item_ids, rows = np.unique(items["item_id"].to_numpy(), return_inverse=True)
    seeds, columns = np.unique(items["seed"].to_numpy(), return_inverse=True)
    is_share = bool(items["is_share"].all())
    named = dict(zip(SERIES, series, strict=True))
    found = []
    for subject, known_as, most in SUBJECTS:
        differences = np.full((len(item_ids), len(seeds)), np.nan)
        differences[rows, columns] = items[subject].cast(pl.Float64).fill_null(np.nan).to_numpy()
        known = np.zeros(differences.shape, dtype=bool)
        known[rows, columns] = items[known_as].to_numpy()
        for place, seed in enumerate(seeds.tolist()):
            own = estimate(differences[:, [place]], known[:, [place]], is_share, most)
            p = tested(differences[:, place], is_share, (*series, seed)) if subject == "change" else {}
            found.append({**named, "seed": seed, "subject": subject, **own, **p})
        together = estimate(differences, known, is_share, most)
        found.append({**named, "seed": None, "subject": subject, **together})
    return found


def model(dbt: Any, session: Any) -> pa.Table:
    """Return the estimates of every experiment that takes part."""
    dbt.config(materialized="table")
    changes = dbt.ref("item_changes").order(", ".join((*SERIES, "seed", "item_id"))).to_arrow_table()
    frame = pl.DataFrame(pl.from_arrow(changes))
    groups = frame.group_by(SERIES, maintain_order=True)
    return pa.Table.from_pylist([row for series, items in groups for row in estimates(series, items)], schema=SCHEMA)
