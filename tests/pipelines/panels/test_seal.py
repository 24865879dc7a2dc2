"""Sealing: the sha is written once per version, and a changed battery cannot keep its version."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from lake.errors import PanelError
from pipelines.panels.battery_files import load_battery
from pipelines.panels.seal import main, seal

Plant = Callable[[str, str], Path]


def test_sealing_adds_one_line_and_leaves_the_rest_byte_for_byte(battery: Path, tmp_path: Path) -> None:
    lines = battery.read_bytes().splitlines(keepends=True)
    unsealed = tmp_path / "unsealed.yaml"
    unsealed.write_bytes(b"".join(line for line in lines if not line.startswith(b"sha:")))
    assert "3 prompts" in seal(unsealed)
    assert unsealed.read_bytes() == battery.read_bytes()


def test_line_endings_are_kept(battery: Path) -> None:
    battery.write_bytes(battery.read_bytes().replace(b"\n", b"\r\n").replace(b"Peru", b"Chile"))
    seal(battery, "2")
    assert battery.read_bytes().count(b"\r\n") == battery.read_bytes().count(b"\n")
    assert load_battery(battery).version == "2"


def test_an_unchanged_battery_is_left_alone(battery: Path) -> None:
    before = battery.read_bytes()
    assert "sealed already" in seal(battery)
    assert battery.read_bytes() == before


@pytest.mark.parametrize("version", [None, "1"])
def test_changed_content_is_not_sealed_under_its_old_version(plant_in_battery: Plant, version: str | None) -> None:
    path = plant_in_battery("Peru", "Chile")
    before = path.read_bytes()
    with pytest.raises(PanelError, match=r"tiny\.yaml:3: the battery changed under version 1\. Run .* --version NEW"):
        seal(path, version)
    assert path.read_bytes() == before


def test_changed_content_is_sealed_under_a_new_version(plant_in_battery: Plant, battery: Path) -> None:
    old = load_battery(battery)
    path = plant_in_battery("Peru", "Chile")
    seal(path, "2")
    new = load_battery(path)
    assert new.version == "2"
    assert new.sha != old.sha


def test_a_version_that_could_not_be_read_back_is_refused(battery: Path) -> None:
    with pytest.raises(PanelError, match=re.escape("'2 \"beta\"' cannot be a version")):
        seal(battery, '2 "beta"')


def test_a_wrong_battery_is_not_sealed(plant_in_battery: Plant) -> None:
    path = plant_in_battery("- id: t2", "- id: t1")
    with pytest.raises(PanelError, match="the id 't1' stands twice"):
        seal(path, "2")


def test_no_other_file_is_left_beside_the_battery(plant_in_battery: Plant) -> None:
    path = plant_in_battery("Peru", "Chile")
    seal(path, "2")
    assert [entry.name for entry in path.parent.iterdir()] == ["tiny.yaml"]


def test_the_command_answers_in_one_sentence_and_with_an_exit_code(
    plant_in_battery: Plant, capsys: pytest.CaptureFixture[str]
) -> None:
    path = plant_in_battery("Peru", "Chile")
    assert main([str(path)]) == 2
    assert "the battery changed under version 1" in capsys.readouterr().err
    assert main([str(path), "--version", "2"]) == 0
    assert "sealed tiny version 2, 3 prompts" in capsys.readouterr().out
