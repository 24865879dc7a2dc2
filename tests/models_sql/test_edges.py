"""Waves with little or nothing in them, table by table: a number or a null, never a crash and never 0 for nothing.

Panel odd: emoji, Chinese, Russian, 105 kB and white space, one sample, a capability of one prompt. Panel empty: only
errors came back. Panel all-refusing: nothing but refusals. Panel single: one model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lake.model_tables import model_tables
from tests.models_sql.scenarios import SAFETY, TRUTH

if TYPE_CHECKING:
    from tests.models_sql.conftest import BuiltLake

OUT = {table.name: table for table in model_tables() if table.schema == "out"}
KERNELS = ("combined", "semantic", "distributional")
PANELS = ("odd", "empty", "all-refusing", "single")

WHY = {
    "convergence_by_wave": (
        "no two models share 5 prompts that this kernel can compare",
        "no pair has a convergence in every capability",
    ),
    "convergence_by_model": (
        "with no other model it shares 5 prompts that this kernel can compare",
        "with no other model it has a convergence in every capability",
    ),
}
"""Why a wave, or a model, has no score: too few prompts in common, or a capability without one."""

# Rows of each table, in the order of PANELS; a table that is not named has none.
ROWS = {
    "cluster_pairs": (0, 0, 6, 0),
    "clusters": (3, 2, 6, 4),
    "convergence_by_model": (27, 0, 18, 12),
    "convergence_by_pair": (6, 0, 18, 0),
    "convergence_by_wave": (9, 6, 6, 12),
    "convergence_change": (0, 0, 0, 12),
    "costs": (3, 2, 3, 2),
    "drift_by_model": (0, 0, 0, 12),
    "drift_of_features": (0, 0, 0, 24),
    "format_entropy": (12, 2, 8, 8),
    "homogeneity": (48, 8, 32, 32),
    "homogeneity_bins": (240, 0, 160, 0),
    "homogeneity_ensemble": (6, 4, 4, 8),
    "pooled_divergence": (6, 0, 3, 0),
    "power": (5, 0, 30, 0),
    "published_methods": (7, 0, 7, 0),
    "refusal_agreement": (12, 2, 8, 4),
}


def doubles(table: str) -> list[str]:
    return [column.name for column in OUT[table].columns if column.type == "DOUBLE"]


def counts(built: BuiltLake, table: str, count: str, where: str = "true") -> dict[str, int]:
    """Return for each DOUBLE column of a table of `out` what `count` (with {} for the column) gives."""
    asked = ", ".join(count.format(column) for column in doubles(table))
    ((*found,),) = built.rows(f"SELECT {asked} FROM out.{table} WHERE {where}")
    return dict(zip(doubles(table), found, strict=True))


@pytest.mark.parametrize("table", OUT)
def test_every_number_of_every_panel_is_finite_or_null(built: BuiltLake, table: str) -> None:
    assert set(counts(built, table, "count(*) FILTER (NOT isfinite({}))").values()) == {0}


@pytest.mark.parametrize("table", OUT)
def test_a_wave_of_errors_has_no_number(built: BuiltLake, table: str) -> None:
    found = counts(built, table, "count({})", "panel = 'empty'")
    # what its errors cost is indeed unknown for every one of them
    found.pop("unknown_cost_share", None)
    assert set(found.values()) <= {0}, found


def test_every_table_has_its_rows(built: BuiltLake) -> None:
    found = {}
    for table in OUT:
        rows = dict(built.rows(f"SELECT panel, count(*) FROM out.{table} GROUP BY ALL"))
        found[table] = tuple(rows.get(panel, 0) for panel in PANELS)
    assert {table: rows for table, rows in found.items() if any(rows)} == ROWS


def test_a_capability_of_one_prompt_has_no_score_and_so_has_the_whole(built: BuiltLake) -> None:
    for table in ("convergence_by_pair", "convergence_by_model", "convergence_by_wave", "power"):
        scored = built.rows(
            f"SELECT DISTINCT capability FROM out.{table} "
            f"WHERE panel = 'odd' AND {'standard_error' if table == 'power' else 'convergence'} IS NOT NULL"
        )
        assert {capability for (capability,) in scored} <= {"truthfulness"}, table


def test_one_model_is_compared_with_itself_only(built: BuiltLake) -> None:
    assert built.rows("SELECT DISTINCT model FROM out.drift_by_model WHERE panel = 'single'") == [("lone",)]
    assert set(built.rows("SELECT DISTINCT mean_kernel FROM out.homogeneity WHERE panel = 'single'")) == {(None,)}


def reasons_of(built: BuiltLake, table: str, panel: str) -> set[tuple[str, str, str]]:
    """Return (capability, kernel, reason) of every row of a panel without a number."""
    number = "change" if table == "convergence_change" else "convergence"
    return set(
        built.rows(f"SELECT capability, kernel, reason FROM out.{table} WHERE panel = '{panel}' AND {number} IS NULL")
    )


def everywhere(reason: str, *capabilities: str) -> set[tuple[str, str, str]]:
    return {(capability, kernel, reason) for capability in capabilities for kernel in KERNELS}


@pytest.mark.parametrize("table", ["convergence_by_wave", "convergence_by_model"])
def test_a_score_that_is_not_there_has_a_row_that_says_why(built: BuiltLake, table: str) -> None:
    whole = "overall"
    alone = set() if table == "convergence_by_model" else everywhere("fewer than 2 models count", TRUTH, whole)
    assert reasons_of(built, table, "empty") == alone  # no model answered: there is no model to have a row
    assert reasons_of(built, table, "single") == everywhere("fewer than 2 models count", TRUTH, whole)
    # semantic alone can compare words of any script; the other capability has one prompt, and so the whole has no score
    few, part = WHY[table]
    expected = {*everywhere(few, TRUTH, SAFETY, whole), (whole, "semantic", part)}
    expected -= {(TRUTH, "semantic", few), (whole, "semantic", few)}
    assert reasons_of(built, table, "odd") == expected
    # both models refuse every prompt of one capability with one and the same text
    assert reasons_of(built, table, "refusing-5") == everywhere(
        "answers to different prompts are as alike as can be (chance is 1)", SAFETY
    ) | everywhere(part, whole)


def test_a_change_that_is_not_there_has_a_row_that_says_why(built: BuiltLake) -> None:
    reason = "fewer than 2 models counted in both waves"
    assert reasons_of(built, "convergence_change", "single") == everywhere(reason, TRUTH, "overall")


@pytest.mark.parametrize("table", ["convergence_by_wave", "convergence_by_model", "convergence_change"])
def test_a_reason_stands_where_a_number_is_missing_and_nowhere_else(built: BuiltLake, table: str) -> None:
    number = "change" if table == "convergence_change" else "convergence"
    odd = built.rows(
        f"SELECT * FROM out.{table} "
        f"WHERE ({number} IS NULL) <> (reason IS NOT NULL) OR (n_models = 0) <> ({number} IS NULL)"
    )
    assert odd == []


def test_every_counted_wave_has_a_row_in_every_capability_and_kernel(built: BuiltLake) -> None:
    expected = built.rows(
        "SELECT wave_id, 3 * (1 + count(DISTINCT capability)) FROM raw.prompts "
        "SEMI JOIN core.waves USING (wave_id) GROUP BY ALL ORDER BY ALL"
    )
    assert built.rows("SELECT wave_id, count(*) FROM out.convergence_by_wave GROUP BY ALL ORDER BY ALL") == expected
