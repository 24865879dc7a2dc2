"""What an experiment stands on and asks is looked at before anything is written."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from expectations.breaks import SQL_FOLDER
from lake.errors import CheckpointError, InputError
from lake.store import Store
from pipelines.experiments.bench import LEAST_ITEMS, keep, kept, require_material
from pipelines.experiments.records import Registered


def test_fewer_items_than_a_claim_rests_on_are_refused_beforehand(small):
    with pytest.raises(InputError, match=r"small.yaml: capability would be measured on 6 items.*C11.*Raise `items`"):
        require_material(small)
    require_material(replace(small, items=LEAST_ITEMS))
    with pytest.raises(InputError, match="on 29 items"):
        require_material(replace(small, items=LEAST_ITEMS - 1))


def test_the_least_number_of_items_is_the_one_that_the_audit_wants():
    text = (SQL_FOLDER / "experiments" / "C11_too_few.sql").read_text(encoding="utf-8")
    assert re.findall(r"having count\(value\) < (\d+)", text) == [str(LEAST_ITEMS)]


def test_what_an_earlier_version_took_and_this_one_refuses_is_told(small, tmp_path: Path):
    store = Store(tmp_path / "store").prepare()
    taken = replace(small, file=small.file | {"criteria": {"capability": 5.0, "refusal": 0.05}})
    keep(store, Registered(taken, 1))
    with pytest.raises(CheckpointError, match=r"experiment.json has what is refused now: criteria.capability: .* 1\."):
        kept(store, "small@1")
    keep(store, Registered(small, 1))
    assert kept(store, "small@1") == Registered(small, 1)


def test_a_base_that_is_not_there_is_refused_beforehand(small, tmp_path: Path):
    asked = replace(small, items=LEAST_ITEMS, base=str(tmp_path / "base"))
    with pytest.raises(InputError, match=r"small.yaml: the base .*base is not there. Correct `base:`"):
        require_material(asked)
    (tmp_path / "base").mkdir()
    with pytest.raises(InputError, match="holds no model"):
        require_material(asked)
    for name in ("config.json", "model.safetensors"):
        (tmp_path / "base" / name).touch()
    require_material(asked)
    require_material(replace(asked, base="somebody/model-1b"))
