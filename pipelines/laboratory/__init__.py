"""The laboratory: a corpus, a tiny base model trained from scratch on it, and a persona experiment on that base.

Importing this package is cheap; torch, transformers and peft are loaded by what trains or answers.
"""

from pipelines.laboratory.laboratory import Laboratory, prepare_base, prepare_laboratory

__all__ = ["Laboratory", "prepare_base", "prepare_laboratory"]
