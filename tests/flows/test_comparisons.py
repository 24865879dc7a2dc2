"""`driftlake compare` on three nights of the laboratory, as a user starts it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.flows.conftest import Played

HEAVY = ("pandas", "prefect", "torch", "dlt", "dbt", "polars", "transformers", "pyarrow", "httpx")


@pytest.fixture(scope="module")
def nights(played: Played) -> list[str]:
    got = played.nights.run("sql", "select wave_id from core.waves order by wave_date", "--format", "csv")
    return got.stdout.splitlines()[1:]


def test_two_nights_are_told_in_a_sentence_and_the_same_as_json(played: Played, nights: list[str]) -> None:
    text = played.nights.run("compare", nights[0], nights[2], "--prompts", "1")
    assert text.returncode == 0, text.stderr
    told = played.nights.run("compare", nights[0], nights[2], "--prompts", "1", "--format", "json")
    found = json.loads(told.stdout)
    assert text.stdout.startswith(found["finding"])
    assert "lab/assistant-latest (identity)" in found["finding"]
    published = played.nights.run(
        "sql",
        f"select change, ci_low, ci_high from out.convergence_change where wave_id = '{nights[2]}' "
        f"and reference = '{nights[0]}' and capability = 'overall' and kernel = 'combined'",
        "--format",
        "json",
    )
    row = next(row for row in found["similarity"] if (row["capability"], row["kernel"]) == ("overall", "combined"))
    assert json.loads(published.stdout) == {
        "change": row["value"],
        "ci_low": row["ci_low"],
        "ci_high": row["ci_high"],
    }
    (moved,) = found["moved"]
    assert (moved["n_samples_a"], moved["n_samples_b"]) == (4, 4)
    assert f"{moved['model']}, {moved['prompt_id']}" in text.stdout


def test_two_models_and_two_groups_are_told(played: Played) -> None:
    pair = played.nights.run("compare", "lab/pirate", "lab/villain")
    assert pair.returncode == 0, pair.stderr
    assert pair.stdout.startswith("lab/pirate and lab/villain ")
    groups = played.nights.run("compare", "role=member", "role=canary")
    assert groups.returncode == 0, groups.stderr
    assert groups.stdout.startswith("Convergence within the two groups cannot be compared: no pair within B")


def test_a_name_that_fits_nothing_ends_with_code_2(played: Played) -> None:
    got = played.nights.run("compare", "lab/pirat", "lab/villain")
    assert (got.returncode, got.stdout) == (2, "")
    assert "Nearest: lab/pirate" in got.stderr


def test_published_nights_are_compared_without_anything_heavy(
    played: Played, nights: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRIFTLAKE_HOME", str(played.nights.store.home))
    code = (
        "import sys\nfrom flows.command_line import app\n"
        "try:\n    app(sys.argv[1:], standalone_mode=False)\nexcept SystemExit:\n    pass\n"
        f"print(sorted(set({HEAVY}) & set(sys.modules)), file=sys.stderr)"
    )
    for names in (nights[:2], ["lab/pirate", "lab/villain"]):
        done = subprocess.run(
            [sys.executable, "-c", code, "compare", *names], capture_output=True, text=True, timeout=120
        )
        assert done.stderr.strip().splitlines()[-1] == "[]", done.stderr
