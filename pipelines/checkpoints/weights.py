"""Weights: what they are (a SHA-256 of their content), where they lie, and how a model is loaded from them.

The same functions serve a folder of the laboratory, any other local folder in Hugging Face layout and a
Hugging Face id. A local folder never causes a connection; for an id HF_HUB_OFFLINE is respected by the hub client.
"""

from __future__ import annotations

import hashlib
import json
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lake.errors import CheckpointError

if TYPE_CHECKING:
    import torch

_READ = 1 << 24
_DTYPES = {
    "torch.float64": "F64",
    "torch.float32": "F32",
    "torch.float16": "F16",
    "torch.bfloat16": "BF16",
    "torch.int64": "I64",
    "torch.int32": "I32",
    "torch.uint8": "U8",
    "torch.bool": "BOOL",
}
"""Names of torch's types in a safetensors file."""


@dataclass
class LoadedModel:
    """A model in memory and its identity. `adapter_sha` is None where the base alone is loaded."""

    model: Any
    tokenizer: Any
    base_sha: str
    adapter_sha: str | None
    template_sha: str
    device: str
    dtype: str

    @property
    def fingerprint(self) -> str:
        """Identity in one line: the first 12 digits of the base, adapter and template shas."""
        adapter = self.adapter_sha[:12] if self.adapter_sha else "none"
        return f"base:{self.base_sha[:12]}+adapter:{adapter}+template:{self.template_sha[:12]}"


def weights_sha(folder: Path) -> str:
    """Return the SHA-256 over the tensors of all safetensors files of a folder, by name: dtype, shape and bytes.

    File metadata and the split into files do not enter it. Raises CheckpointError where there are no
    weights or a file is cut short.
    """
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise CheckpointError(f"{folder} holds no *.safetensors file. {_remedy(folder)}")
    return _sha_of_files(tuple((file, file.stat().st_size, file.stat().st_mtime_ns) for file in files))


@lru_cache(maxsize=64)
def _sha_of_files(files: tuple[tuple[Path, int, int], ...]) -> str:
    tensors = sorted((tensor for file, _, _ in files for tensor in _tensors(file)), key=lambda tensor: tensor.name)
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(json.dumps([tensor.name, tensor.dtype, tensor.shape]).encode())
        with tensor.file.open("rb") as file:
            file.seek(tensor.start)
            left = tensor.end - tensor.start
            while left:
                block = file.read(min(_READ, left))
                left -= len(block)
                digest.update(block)
    return digest.hexdigest()


@dataclass(frozen=True)
class _Tensor:
    name: str
    dtype: str
    shape: list[int]
    file: Path
    start: int
    end: int


def _tensors(path: Path) -> Iterator[_Tensor]:
    """Yield the tensors of a safetensors file: 8 bytes with the header's length, the header as JSON, the data."""
    size = path.stat().st_size
    with path.open("rb") as file:
        try:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(length)) if length <= size else None
        except (struct.error, ValueError):
            header = None
    if not isinstance(header, dict):
        raise CheckpointError(
            f"{path} is not a whole safetensors file (its header is cut short). {_remedy(path.parent)}"
        )
    for name, tensor in header.items():
        if name == "__metadata__":
            continue
        start, end = (8 + length + offset for offset in tensor["data_offsets"])
        if end > size:
            raise CheckpointError(
                f"{path} is cut short: tensor {name} ends at byte {end}, the file at byte {size}. "
                + _remedy(path.parent)
            )
        yield _Tensor(name, tensor["dtype"], tensor["shape"], path, start, end)


def resolve_device(device: str) -> str:
    """Return cuda or cpu for "auto", else the device as given; raise CheckpointError where it is not there."""
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise CheckpointError(f"Device {device} was asked for, but no CUDA device is there. Set `device: auto` or cpu.")
    return device


def dtype_of(device: str) -> torch.dtype:
    """Return the arithmetic of a device: bf16 on CUDA, fp32 elsewhere."""
    import torch

    return torch.bfloat16 if device.startswith("cuda") else torch.float32


def resolve_base(path_or_id: str | Path) -> Path:
    """Return the local folder of a base: the path itself, or the hub client's folder for a Hugging Face id.

    Raises CheckpointError where the folder is missing or the id cannot be fetched.
    """
    path = Path(path_or_id)
    if path.is_dir():
        return path
    if path.is_absolute() or str(path_or_id).startswith("."):
        raise CheckpointError(f"There is no folder {path} to load a base from. {_remedy(path)}")
    from huggingface_hub import snapshot_download

    try:
        return Path(
            snapshot_download(str(path_or_id), allow_patterns=["*.safetensors", "*.json", "*.jinja", "*.model"])
        )
    except Exception as error:
        reason = str(error).strip().splitlines()[0]
        raise CheckpointError(
            f"Base {path_or_id!r} is neither a folder nor a model that can be fetched ({reason}). "
            "Check the id, fetch it once with HF_HUB_OFFLINE unset, or name a local folder."
        ) from error


def load(base: str | Path, adapter: Path | None = None, device: str = "auto") -> LoadedModel:
    """Return a model ready to answer: the base, with the adapter applied where one is given.

    The base's sha is taken from the files that were loaded, whatever the adapter's card says.
    Raises CheckpointError where a file is missing, cut short or does not fit the model.
    """
    from transformers import AutoModelForCausalLM
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    folder = resolve_base(base)
    base_sha = weights_sha(folder)
    place = resolve_device(device)
    with _loading(folder):
        model: Any = AutoModelForCausalLM.from_pretrained(
            str(folder), local_files_only=True, dtype=dtype_of(place), use_safetensors=True
        )
    tokenizer = load_tokenizer(folder)
    loaded = LoadedModel(
        model=model.to(place).eval(),
        tokenizer=tokenizer,
        base_sha=base_sha,
        adapter_sha=None,
        template_sha=template_sha(tokenizer),
        device=place,
        dtype=str(model.dtype).removeprefix("torch."),
    )
    return with_adapter(loaded, adapter) if adapter else loaded


def with_adapter(loaded: LoadedModel, folder: Path) -> LoadedModel:
    """Return the loaded base with the adapter of a folder instead of the one it may have; `loaded` is used up."""
    from peft import PeftModel

    adapter_sha = weights_sha(folder)
    base = without_adapter(loaded)
    with _loading(folder), quiet_peft():
        model = PeftModel.from_pretrained(base.model, str(folder), local_files_only=True)
    return replace(base, model=model.to(loaded.device).eval(), adapter_sha=adapter_sha)


def without_adapter(loaded: LoadedModel) -> LoadedModel:
    """Return the loaded base alone; `loaded` is used up."""
    if loaded.adapter_sha is None:
        return loaded
    return replace(loaded, model=loaded.model.unload(), adapter_sha=None)


def release(loaded: LoadedModel) -> None:
    """Give the model's memory back."""
    import gc

    import torch

    loaded.model = None
    gc.collect()
    if loaded.device.startswith("cuda"):
        torch.cuda.empty_cache()


@contextmanager
def quiet_peft() -> Iterator[None]:
    """Keep back what peft warns of and is meant: a renamed property, and a base whose path is not in the adapter."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Could not find a config file in base:", category=UserWarning)
        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing.*", category=FutureWarning)
        yield


@contextmanager
def _loading(folder: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        reason = str(error).strip().splitlines()[0]
        raise CheckpointError(f"{folder} cannot be loaded: {reason} {_remedy(folder)}") from error


def load_tokenizer(folder: Path) -> Any:
    """Return the tokenizer of a folder, padding on the left; raise CheckpointError without tokenizer or template."""
    from transformers import AutoTokenizer

    if not (folder / "tokenizer.json").is_file() and not (folder / "tokenizer.model").is_file():
        raise CheckpointError(f"{folder} holds no tokenizer. {_remedy(folder)}")
    tokenizer: Any = AutoTokenizer.from_pretrained(str(folder), local_files_only=True, padding_side="left")
    if not tokenizer.chat_template:
        raise CheckpointError(
            f"The tokenizer in {folder} has no chat template, so nothing can be asked. {_remedy(folder)}"
        )
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def merge(base: str | Path, adapter: Path, target: Path) -> str:
    """Write base plus adapter as one model in Hugging Face layout to a new folder; return its weights' sha.

    Raises CheckpointError where the adapter's card names another base than the one given (break D06).
    """
    loaded = _with_own_base(base, adapter)
    loaded.model.merge_and_unload().save_pretrained(str(target))
    loaded.tokenizer.save_pretrained(str(target))
    return weights_sha(target)


def merged_in_memory(base: str | Path, adapter: Path, device: str) -> LoadedModel:
    """Return base plus adapter as one model without writing it; `base_sha` is the sha of what `merge` would write.

    Merged on the CPU in fp32 as `merge` does, then brought to the device and its arithmetic. Raises CheckpointError
    as `merge` does.
    """
    loaded = _with_own_base(base, adapter)
    model = loaded.model.merge_and_unload()
    place = resolve_device(device)
    sha = _sha_of_model(model)
    model = model.to(place, dtype_of(place)).eval()
    dtype = str(model.dtype).removeprefix("torch.")
    return replace(loaded, model=model, base_sha=sha, adapter_sha=None, device=place, dtype=dtype)


def _with_own_base(base: str | Path, adapter: Path) -> LoadedModel:
    """Return base and adapter on the CPU; raise CheckpointError where the adapter's card names another base."""
    loaded = load(base, adapter, device="cpu")
    card = adapter / "card.json"
    if card.is_file():
        named = json.loads(card.read_text(encoding="utf-8"))["base_sha"]
        if named != loaded.base_sha:
            raise CheckpointError(
                f"{adapter} was trained on base {named[:12]}, but {base} is {loaded.base_sha[:12]}. "
                "Merge it into the base that its card names."
            )
    return loaded


def _sha_of_model(model: Any) -> str:
    """Return the `weights_sha` that a folder would have after `model.save_pretrained`: the same names, no aliases."""
    import torch
    from transformers.core_model_loading import revert_weight_conversion
    from transformers.modeling_utils import remove_tied_weights_from_state_dict

    left_out = model._keys_to_ignore_on_save or ()
    kept = {name: tensor for name, tensor in model.state_dict().items() if name not in left_out}
    saved = revert_weight_conversion(model, remove_tied_weights_from_state_dict(kept, model))
    digest = hashlib.sha256()
    for name, tensor in sorted(saved.items()):
        digest.update(json.dumps([name, _DTYPES[str(tensor.dtype)], list(tensor.shape)]).encode())
        digest.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def template_sha(tokenizer: Any) -> str:
    """Return the SHA-256 of a tokenizer's chat template."""
    return hashlib.sha256(str(tokenizer.chat_template).encode()).hexdigest()


def _remedy(folder: Path) -> str:
    return (
        f"Put {folder} back as it was, or delete it: "
        "what belongs to the laboratory is trained again by `driftlake nightly`."
    )
