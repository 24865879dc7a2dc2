"""Tables of the schemas `core` and `out`, read from the one place that declares them: the dbt project's yml.

A new lake holds them empty, so that a reader who comes before the first publication sees no rows
instead of an error.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from lake.tables import Column, Table

MODELS_FOLDER = Path(__file__).parent.parent / "models_sql" / "models"


def model_tables(folder: Path = MODELS_FOLDER) -> tuple[Table, ...]:
    """Return the declared dbt models as tables, sorted by schema and name.

    Each yml lies in the folder of its schema.
    """
    tables = []
    for path in sorted((*folder.glob("core/*.yml"), *folder.glob("out/*.yml"))):
        declared = yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        for model in declared.get("models", []):
            tables.append(_table(path.parent.name, model))
    return tuple(sorted(tables, key=lambda table: table.full_name))


def _table(schema: str, model: dict[str, Any]) -> Table:
    columns = tuple(
        Column(column["name"], column["data_type"], column.get("description", ""), not _is_required(column))
        for column in model.get("columns", [])
    )
    config = model.get("config", {})
    grain = tuple(config.get("meta", {}).get("grain", ()))
    name = config.get("alias", model["name"])
    return Table(schema, name, grain, model.get("description", ""), columns, "partitioned_by" in config)


def _is_required(column: dict[str, Any]) -> bool:
    return any(constraint["type"] == "not_null" for constraint in column.get("constraints", []))
