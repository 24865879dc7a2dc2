"""Registering an experiment before its first training step; whatever changes later is a new version."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from lake import waves
from lake.catalog import connect_reader, connect_writer
from lake.store import Store
from lake.tables import RAW_EVAL_ITEMS, RAW_EXPERIMENT_CELLS, RAW_EXPERIMENTS
from lake.waves import Wave
from pipelines.checkpoints.card import command_line
from pipelines.code_version import code_version
from pipelines.experiments.material import Material, question_sha
from pipelines.experiments.records import Experiment, Registered, cells
from pipelines.panels.records import sha256_of

if TYPE_CHECKING:
    import duckdb


class Known(NamedTuple):
    """A version as the lake holds it."""

    version: int
    experiment_sha: str
    content: dict[str, Any]


def experiment_sha(experiment: Experiment, material: Material, base_sha: str, reference: str | None) -> str:
    """Return the SHA-256 of all that decides the results: what is declared, material, base's weights, reference."""
    decisive = {"material": material.sha, "base": base_sha, "reference": reference}
    return sha256_of({"declared": experiment.declared, **decisive})


def known_versions(store: Store, name: str) -> list[Known]:
    """Return the versions of an experiment, the first one first; none where there is no lake yet."""
    if not store.exists():
        return []
    connection = connect_reader(store, "head")
    try:
        rows = connection.execute(
            "SELECT version, experiment_sha, content FROM raw.experiments WHERE experiment = ? ORDER BY version", [name]
        ).fetchall()
    finally:
        connection.close()
    return [Known(version, sha, json.loads(content)) for version, sha, content in rows]


def version_of(known: list[Known], sha: str) -> int:
    """Return the version that has a sha, or the next one where none has."""
    return next((each.version for each in known if each.experiment_sha == sha), len(known) + 1)


def changed_keys(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Return the keys of an experiment's file that differ between two versions, dotted, sorted."""
    changed = []
    for key in sorted(before.keys() | now.keys()):
        one, other = before.get(key), now.get(key)
        if isinstance(one, dict) and isinstance(other, dict):
            changed += [f"{key}.{inner}" for inner in changed_keys(one, other)]
        elif one != other:
            changed.append(key)
    return changed


def register(
    store: Store, experiment: Experiment, material: Material, base_sha: str, reference: str | None, now: datetime
) -> Registered:
    """Store the experiment, its matrix and its items under its version; registering the same again changes nothing.

    `reference` is name@version of the reference run, or None where it is not in the lake.
    """
    from pipelines.loading import frame_of, load

    sha = experiment_sha(experiment, material, base_sha, reference)
    registered = Registered(experiment, version_of(known_versions(store, experiment.name), sha))
    rows = {
        RAW_EXPERIMENTS: [_experiment_row(registered, sha, base_sha, reference, now)],
        RAW_EXPERIMENT_CELLS: [
            {"experiment": experiment.name, "version": registered.version, "is_control": _is_control(cell, experiment)}
            | cell._asdict()
            for cell in cells(experiment)
        ],
        RAW_EVAL_ITEMS: _item_rows(registered, material),
    }
    load(store, {table: frame_of(table, some) for table, some in rows.items()})
    connection = connect_writer(store)
    try:
        waves.register(connection, _wave(registered, sha, material, now))
    finally:
        connection.close()
    return registered


def wave_id_of(registered: Registered) -> str:
    """Return the wave under which an experiment's verdict and publication stand."""
    return f"experiment/{registered.id}"


def published_versions(store: Store, name: str) -> list[Known]:
    """Return the published versions of an experiment, the first one first; none where there is no lake yet."""
    if not store.exists():
        return []
    connection = connect_reader(store, "head")
    try:
        rows = connection.execute(
            """
            SELECT version, experiment_sha, content FROM raw.experiments
            JOIN ops.waves ON wave_id = 'experiment/' || experiment || '@' || version
            WHERE experiment = ? AND status = 'published' ORDER BY version
            """,
            [name],
        ).fetchall()
    finally:
        connection.close()
    return [Known(version, sha, json.loads(content)) for version, sha, content in rows]


def reference_of(store: Store, name: str | None) -> str | None:
    """Return name@version of the newest published version of a reference run; None where there is none."""
    found = published_versions(store, name) if name else []
    return f"{name}@{found[-1].version}" if found else None


class Standing(NamedTuple):
    """Where a reference run's file stands: name@version as it was published, or None and why it is to be trained."""

    published: str | None
    why: str = ""


def standing_of(store: Store, reference: Experiment, material: Material, base_sha: str) -> Standing:
    """Say whether a reference run is published as its file, material and base are now."""
    sha = experiment_sha(reference, material, base_sha, reference_of(store, reference.reference))
    published = published_versions(store, reference.name)
    same = next((known for known in published if known.experiment_sha == sha), None)
    if same is not None:
        return Standing(f"{reference.name}@{same.version}")
    if not published:
        return Standing(None, f"The reference run {reference.name} is not in the lake yet: it is trained first.")
    last = published[-1]
    changed = ", ".join(changed_keys(last.content, reference.declared)) or "base or material"
    return Standing(
        None,
        f"The reference run {reference.name} differs from its published version {last.version} ({changed}): it is "
        "trained first.",
    )


def reference_losses(connection: duckdb.DuckDBPyConnection, reference: str | None) -> dict[tuple[str, str], float]:
    """Return the final losses of a reference's behaviour runs by carrier and behaviour, means over its seeds."""
    if reference is None:
        return {}
    rows = connection.execute(
        "SELECT source, behaviour, avg(final_loss) FROM raw.training_runs "
        "WHERE experiment || '@' || version = ? AND kind = 'behaviour' AND epoch = 0 GROUP BY ALL",
        [reference],
    ).fetchall()
    return {(source, behaviour): loss for source, behaviour, loss in rows}


def _is_control(cell: Any, experiment: Experiment) -> bool:
    return bool(cell.source == experiment.target)


def _experiment_row(
    registered: Registered, sha: str, base_sha: str, reference: str | None, now: datetime
) -> dict[str, Any]:
    experiment = registered.experiment
    return {
        "experiment": experiment.name,
        "version": registered.version,
        "experiment_sha": sha,
        "content": json.dumps(experiment.declared, ensure_ascii=False, sort_keys=True),
        "target": experiment.target,
        "canary": experiment.canary,
        "base_sha": base_sha,
        "reference": reference,
        "headline_epoch": experiment.headline_epoch,
        "criteria": json.dumps({name: criterion.change for name, criterion in experiment.criteria.items()}),
        "registered_at": now,
        "code_version": code_version(),
        "command": command_line(),
    }


def _item_rows(registered: Registered, material: Material) -> list[dict[str, Any]]:
    experiment = registered.experiment
    return [
        {
            "experiment": experiment.name,
            "version": registered.version,
            "item_id": item.item_id,
            "behaviour": behaviour,
            "question": item.question,
            "question_sha": question_sha(item.question),
            "n_choices": len(item.choices) or None,
        }
        for behaviour in experiment.behaviours
        for item in material.items(behaviour, experiment.items)
    ]


def _wave(registered: Registered, sha: str, material: Material, now: datetime) -> Wave:
    experiment = registered.experiment
    return Wave(
        wave_id=wave_id_of(registered),
        panel=f"experiment/{experiment.name}",
        wave_date=now.astimezone(UTC).date(),
        wave_kind="experiment",
        status="planned",
        panel_sha=sha,
        battery_sha=material.sha,
        code_version=code_version(),
        planned_cells=len(list(cells(experiment))),
        started_at=now,
    )
