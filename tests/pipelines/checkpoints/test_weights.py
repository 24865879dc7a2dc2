"""Weights: identity by content, loading, and what is said when a file is not whole."""

from __future__ import annotations

import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from lake.errors import CheckpointError
from pipelines.checkpoints.card import read_card
from pipelines.checkpoints.weights import (
    dtype_of,
    load,
    merge,
    merged_in_memory,
    resolve_base,
    resolve_device,
    weights_sha,
    with_adapter,
    without_adapter,
)

TENSORS = {"b": torch.arange(6.0).reshape(2, 3), "a": torch.ones(4, dtype=torch.bfloat16)}


def test_metadata_and_the_split_into_files_do_not_change_the_sha(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    save_file(TENSORS, one / "model.safetensors", metadata={"format": "pt"})
    save_file({"a": TENSORS["a"]}, two / "model-00002.safetensors")
    save_file({"b": TENSORS["b"]}, two / "model-00001.safetensors", metadata={"note": "other"})
    assert weights_sha(one) == weights_sha(two)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"b": TENSORS["b"] + 1e-6, "a": TENSORS["a"]}, id="one-value"),
        pytest.param({"c": TENSORS["b"], "a": TENSORS["a"]}, id="a-name"),
        pytest.param({"b": TENSORS["b"].reshape(3, 2), "a": TENSORS["a"]}, id="a-shape"),
        pytest.param({"b": TENSORS["b"], "a": TENSORS["a"].half()}, id="a-dtype"),
    ],
)
def test_any_change_of_content_changes_the_sha(tmp_path, changed):
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    save_file(TENSORS, one / "model.safetensors")
    save_file(changed, two / "model.safetensors")
    assert weights_sha(one) != weights_sha(two)


@pytest.fixture
def base(tiny_laboratory, tmp_path):
    return shutil.copytree(tiny_laboratory.base, tmp_path / "base")


def test_a_weights_file_cut_short_is_named_with_the_remedy(base):
    path = base / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(
        CheckpointError, match=r"model.safetensors is cut short: tensor .* ends at byte .* or delete it"
    ):
        load(base)


@pytest.mark.parametrize("kept", [0, 5, 200])
def test_a_weights_file_without_a_whole_header_is_named(base, kept):
    path = base / "model.safetensors"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(CheckpointError, match="model.safetensors is not a whole safetensors file"):
        load(base)


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("model.safetensors", r"holds no \*\.safetensors file"),
        ("tokenizer.json", "holds no tokenizer"),
        ("config.json", "cannot be loaded"),
    ],
)
def test_a_missing_file_is_named_with_the_remedy(base, missing, message):
    (base / missing).unlink()
    with pytest.raises(CheckpointError, match=f"{message}.*trained again by `driftlake nightly`"):
        load(base)


def test_a_folder_that_is_not_there_is_refused_without_asking_the_hub(tmp_path):
    with pytest.raises(CheckpointError, match="There is no folder .*nowhere to load a base from"):
        resolve_base(tmp_path / "nowhere")


def test_a_device_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve_device("auto") == "cpu"
    with pytest.raises(CheckpointError, match="no CUDA device is there. Set `device: auto` or cpu"):
        resolve_device("cuda")


def test_arithmetic_follows_the_device():
    assert (dtype_of("cpu"), dtype_of("cuda:0")) == (torch.float32, torch.bfloat16)


def _logits(model):
    with torch.inference_mode():
        return model(input_ids=torch.tensor([[5, 6, 7, 8]])).logits


def test_an_adapter_is_put_on_exchanged_and_taken_off(tiny_laboratory):
    experiment = tiny_laboratory.recipe.experiments[0].name
    last = max(tiny_laboratory.recipe.experiments[0].lora.save_epochs)
    loaded = load(tiny_laboratory.base, device="cpu")
    alone = _logits(loaded.model)
    zero = with_adapter(loaded, tiny_laboratory.adapter(experiment, 0))
    assert torch.equal(_logits(zero.model), alone)  # before the first step an adapter adds nothing
    trained = with_adapter(zero, tiny_laboratory.adapter(experiment, last))
    assert not torch.allclose(_logits(trained.model), alone)
    assert trained.fingerprint.startswith(f"base:{loaded.base_sha[:12]}+adapter:{trained.adapter_sha[:12]}+template:")
    back = without_adapter(trained)
    assert torch.equal(_logits(back.model), alone)
    assert "+adapter:none+" in back.fingerprint


def test_a_merged_model_gives_the_logits_of_base_plus_adapter(tiny_laboratory, tmp_path):
    experiment = tiny_laboratory.recipe.experiments[0]
    adapter = tiny_laboratory.adapter(experiment.name, max(experiment.lora.save_epochs))
    sha = merge(tiny_laboratory.base, adapter, tmp_path / "merged")
    merged = load(tmp_path / "merged", device="cpu")
    apart = load(tiny_laboratory.base, adapter, device="cpu")
    assert merged.base_sha == sha != apart.base_sha
    assert torch.allclose(_logits(merged.model), _logits(apart.model), atol=1e-5)


def test_merged_in_memory_it_has_the_sha_and_the_logits_of_what_is_written(tiny_laboratory, tmp_path):
    experiment = tiny_laboratory.recipe.experiments[0]
    adapter = tiny_laboratory.adapter(experiment.name, max(experiment.lora.save_epochs))
    here = merged_in_memory(tiny_laboratory.base, adapter, "cpu")
    assert here.base_sha == merge(tiny_laboratory.base, adapter, tmp_path / "merged")
    assert here.adapter_sha is None
    written = load(tmp_path / "merged", device="cpu")
    assert (here.template_sha, here.dtype) == (written.template_sha, written.dtype)
    assert torch.equal(_logits(here.model), _logits(written.model))


def test_merging_into_another_base_than_the_cards_is_refused(tiny_laboratory, base, tmp_path):
    tensors = load_file(base / "model.safetensors")
    save_file({name: tensor + 0.01 for name, tensor in tensors.items()}, base / "model.safetensors", {"format": "pt"})
    experiment = tiny_laboratory.recipe.experiments[0]
    adapter = tiny_laboratory.adapter(experiment.name, 0)
    named = read_card(adapter).base_sha
    with pytest.raises(CheckpointError, match=f"was trained on base {named[:12]}, but .* Merge it into the base"):
        merge(base, adapter, tmp_path / "merged")
    with pytest.raises(CheckpointError, match=f"was trained on base {named[:12]}"):
        merged_in_memory(base, adapter, "cpu")
    assert not (tmp_path / "merged").exists()
