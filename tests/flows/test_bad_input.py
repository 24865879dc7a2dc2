"""Bad input ends in one clear sentence, exit code 2, and nothing half-written."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

TOMORROW = (datetime.now(UTC).date() + timedelta(days=1)).isoformat()
LONG_AGO = "2020-01-01"
EMPTY_BATTERY = 'battery: b\nversion: "1"\nsha: "0"\nprompts: []\n'
PANEL = """panel: mine
battery: level1
samples: 1
seed: 1
endpoints:
  here: {kind: openai_compatible, base_url: "http://127.0.0.1:9"}
roster:
  - {model: a, endpoint: %s}
"""


def driftlake(*arguments: str, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "flows.command_line", *arguments],
        env={**os.environ, "DRIFTLAKE_HOME": str(home), "OPENROUTER_API_KEY": ""} | environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nightly", "--panel", "frontire"], "frontier"),
        (["nightly", "--panel", "no-such-file.yaml"], "no-such-file.yaml"),
        (["nightly", "--panel", "frontier"], "export OPENROUTER_API_KEY="),
        (["nightly", "--date", TOMORROW], "is in the future"),
        (["nightly", "--date", LONG_AGO], "a missed night stays missed"),
        (["nightly", "--date", "31.12.2026"], "YYYY-MM-DD"),
        (["nightly", "--samples", "0"], "samples must be a number of at least 1"),
        (["plan", "--panel", "frontire"], "frontier"),
        (["sql", "select 1"], "make nightly"),
        (["status"], "make nightly"),
        (["report"], "make nightly"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_is_one_sentence_with_the_remedy(arguments: list[str], message: str, tmp_path: Path) -> None:
    done = driftlake(*arguments, home=tmp_path / "store")
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "store").exists() or not list((tmp_path / "store").rglob("*.sqlite"))


@pytest.mark.parametrize(
    ("panel", "battery", "message"),
    [
        ("panel: [", None, "panel.yaml:"),
        (PANEL % "here" + "surprise: 1\n", None, "panel.yaml:9"),
        (PANEL % "there", None, "panel.yaml:8"),
        (PANEL.replace("level1", "battery.yaml") % "here", EMPTY_BATTERY, "battery.yaml"),
    ],
    ids=["malformed YAML", "unknown key", "unknown endpoint of a model", "empty battery"],
)
def test_a_bad_file_is_named_with_its_line(panel: str, battery: str | None, message: str, tmp_path: Path) -> None:
    (tmp_path / "panel.yaml").write_text(panel)
    if battery:
        (tmp_path / "battery.yaml").write_text(battery)
    done = driftlake("nightly", "--panel", str(tmp_path / "panel.yaml"), home=tmp_path / "store")
    assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr
    assert message in done.stderr
    assert not (tmp_path / "store").exists()


def test_a_store_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = driftlake("nightly", home=tmp_path / "file" / "store")
    assert done.returncode == 2
    assert "cannot be written" in done.stderr
    assert "DRIFTLAKE_HOME" in done.stderr


def test_a_setting_that_is_misspelt_in_the_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "driftlake.toml").write_text('panle = "local"\n')
    done = subprocess.run(
        [sys.executable, "-m", "flows.command_line", "plan"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert "unknown setting 'panle'" in done.stderr
    assert "'panel'" in done.stderr
