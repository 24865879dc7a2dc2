"""Great Expectations as this project uses it: one suite a break, over the frame that DuckDB filled for it.

Frames, not connections, are handed over: GX reads SQL results after its connection went back, which
DuckDB does not allow. Texts are HTML-escaped on the way in and unescaped on the way out, because the
pages of Data Docs print values as they are and model answers are not to be trusted. (Seen in GX 1.24.)
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from expectations.breaks import DBT_PROJECT, Break

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

SITE = "data_docs"
ROW_KEY = ("model_requested", "prompt_id", "sample_index")
BAD_ROW = (*ROW_KEY, "evidence")


class BadRow(NamedTuple):
    """One bad row; model, prompt and sample are None where the break's scope is wider."""

    model_requested: str | None
    prompt_id: str | None
    sample_index: int | None
    evidence: str


def new_context(docs_folder: str) -> Any:
    """Return a GX context that lives in memory, counts nothing, draws no bars and writes pages to `docs_folder`."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    context = gx.get_context(
        mode="ephemeral",
        project_config=DataContextConfig(
            store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
            analytics_enabled=False,
            progress_bars=ProgressBarsConfig(globally=False),
        ),
    )
    context.add_data_docs_site(
        SITE,
        {
            "class_name": "SiteBuilder",
            "show_how_to_buttons": False,
            "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": docs_folder},
        },
    )
    return context


def batch_of(
    connection: duckdb.DuckDBPyConnection, broken: Break, wave_id: str, models: frozenset[str] | None = None
) -> pd.DataFrame:
    """Return what the break's suite is run on: its bad rows, or the declared columns of its table.

    `models` keeps only bad rows of these models (None: of all; rows of a wave have none and stay).
    """
    columns = list(BAD_ROW) if broken.table is None else _declared_columns(broken)
    query = broken.query if broken.table is None else _declared_query(broken, columns)
    offered = {"wave_id": wave_id, **vectors_read()}
    # DuckDB refuses a parameter that the query does not use
    used = {name: value for name, value in offered.items() if f"${name}" in query}
    rows = connection.execute(query, used).fetchall()
    if models is not None:
        rows = [row for row in rows if row[columns.index("model_requested")] in (None, *models)]
    if broken.table is None:
        rows = [(*row[:-1], row[-1] or "no detail") for row in rows]
    return frame_of_rows(rows, columns)


def frame_of_rows(rows: Iterable[tuple[Any, ...]], columns: Sequence[str] = BAD_ROW) -> pd.DataFrame:
    """Return rows as the frame that a suite is run on, texts escaped for the pages of Data Docs."""
    import pandas as pd

    # dtype object keeps integers beside nulls as they are
    return pd.DataFrame([[_escaped(value) for value in row] for row in rows], columns=list(columns), dtype=object)


@lru_cache(maxsize=1)
def vectors_read() -> dict[str, str]:
    """Return the embedder and the precision whose vectors the models read, as declared in the dbt project."""
    import yaml

    declared = yaml.safe_load(DBT_PROJECT.read_text(encoding="utf-8"))["vars"]
    return {name: declared[name] for name in ("embedder", "precision")}


def expectations_of(broken: Break) -> list[Any]:
    """Return the expectations of the break's suite, with its reason and remedy as their notes."""
    import great_expectations.expectations as gxe

    notes = f"{broken.why} {broken.remedy}"
    if broken.table is None:
        return [
            gxe.ExpectColumnValuesToBeNull(column="evidence", notes=notes),
            gxe.ExpectTableRowCountToEqual(value=0),
        ]
    if broken.expects == "unique_grain":
        return [gxe.ExpectCompoundColumnsToBeUnique(column_list=list(broken.table.grain), notes=notes)]
    return [gxe.ExpectColumnValuesToNotBeNull(column=column, notes=notes) for column in _required(broken)]


def validate(context: Any, broken: Break, batch: pd.DataFrame) -> Any:
    """Run the break's suite over its batch; return GX's result, which the context keeps for Data Docs."""
    import great_expectations as gx

    asset = context.data_sources.add_pandas(broken.check_id).add_dataframe_asset("bad_rows")
    suite = context.suites.add(
        gx.ExpectationSuite(
            name=broken.check_id,
            expectations=expectations_of(broken),
            meta={"break": broken.id, "title": broken.title, "scope": broken.scope, "severity": broken.severity},
        )
    )
    definition = context.validation_definitions.add(
        gx.ValidationDefinition(
            name=broken.check_id, data=asset.add_batch_definition_whole_dataframe("wave"), suite=suite
        )
    )
    return definition.run(
        batch_parameters={"dataframe": batch},
        result_format={
            "result_format": "COMPLETE",
            "unexpected_index_column_names": list(ROW_KEY),
            "include_unexpected_rows": False,
        },
    )


def bad_rows_of(broken: Break, result: Any) -> list[BadRow]:
    """Return the bad rows that GX's result names, in the order of the batch."""
    found: list[BadRow] = []
    for outcome in result.results:
        for index in outcome.result.get("unexpected_index_list") or []:
            found.append(_bad_row(broken, outcome.expectation_config, index))
    return found


def _bad_row(broken: Break, expectation: Any, index: dict[str, Any]) -> BadRow:
    values = {name: _unescaped(value) for name, value in index.items()}
    if broken.table is None:
        evidence = str(values["evidence"])
    elif broken.expects == "unique_grain":
        named = [name for name in broken.table.grain if name not in ("wave_id", *ROW_KEY)]
        evidence = ", ".join(f"{name} {values[name]}" for name in named)
    else:
        evidence = f"{expectation.kwargs['column']} is null"
    key = {name: values.get(name) for name in ROW_KEY}
    if broken.scope != "row":
        key |= {"prompt_id": None, "sample_index": None}
    if broken.scope == "wave":
        key |= {"model_requested": None}
    return BadRow(**key, evidence=evidence)


def _required(broken: Break) -> list[str]:
    return [column.name for column in broken.table.columns if not column.nullable] if broken.table else []


def _declared_columns(broken: Break) -> list[str]:
    grain = broken.table.grain if broken.table else ()
    return list(dict.fromkeys((*grain, *(_required(broken) if broken.expects == "no_nulls" else ()))))


def _declared_query(broken: Break, columns: list[str]) -> str:
    # outside the key only the presence of a value matters, so long texts stay in the lake
    selected = [
        column if broken.table and column in broken.table.grain else f"if({column} IS NULL, NULL, true) AS {column}"
        for column in columns
    ]
    source = broken.table.full_name if broken.table else ""
    return f"SELECT {', '.join(selected)} FROM {source} WHERE wave_id = $wave_id ORDER BY ALL"


def _escaped(value: Any) -> Any:
    return html.escape(value) if isinstance(value, str) else value


def _unescaped(value: Any) -> Any:
    if isinstance(value, str):
        return html.unescape(value)
    return None if value is None or value != value else value  # noqa: PLR0124 (only NaN differs from itself)
