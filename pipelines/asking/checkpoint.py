"""Asking checkpoints in process: batched generation by transformers and peft, on CPU or GPU.

Questions are grouped by the weights that answer them; a model is in memory only while its group is asked.
A cell's answer depends on its own seed, not on what else is in its batch, so a resumed wave gives the same text.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from lake.errors import CheckpointError
from pipelines.asking.interruption import Interruption
from pipelines.asking.records import Attempt, Outcome, Question
from pipelines.asking.stopping import interrupted
from pipelines.checkpoints.lineage import Lineage, Parent, load_parent, with_checkpoint
from pipelines.laboratory import Laboratory
from pipelines.panels.records import EndpointSpec, Message, RosterEntry

if TYPE_CHECKING:
    from pipelines.checkpoints.generation import Generated, Sampling
    from pipelines.checkpoints.weights import LoadedModel

_DEFAULT_MAX_TOKENS = 64
_KNOWN_SETTINGS = frozenset({"temperature", "top_p", "max_tokens", "max_new_tokens"})


class _Weights(NamedTuple):
    """What answers: a base and, on it, the adapter of an experiment's epoch; None for the base alone.

    `lineage` says it of a checkpoint of a persona experiment; `experiment` is then its run.
    """

    parent: Parent
    experiment: str | None
    epoch: int | None
    lineage: Lineage | None = None


class CheckpointEndpoint:
    """Answers by models of the store's laboratory, or by any base in Hugging Face layout, with `Endpoint.ask`.

    `staged_night` decides which epoch a moving alias serves: from 0 for a staged night, None for a live one.
    `lineages` says by roster model where the checkpoints of persona experiments lie. `interruption` ends it after the
    batch at hand.
    """

    def __init__(
        self,
        spec: EndpointSpec,
        laboratory_folder: Path,
        staged_night: int | None,
        interruption: Interruption | None = None,
        lineages: Mapping[str, Lineage] | None = None,
    ) -> None:
        self._interruption = Interruption() if interruption is None else interruption
        self._spec = spec
        self._laboratory = Laboratory(laboratory_folder)
        self._staged_night = staged_night
        self._lineages = lineages or {}

    async def ask(self, questions: Sequence[Question]) -> AsyncGenerator[Attempt, None]:
        """Yield one attempt a question, batch by batch.

        Raises CheckpointError where weights are missing, cut short or do not fit, before anything of their
        group is answered.
        """
        groups = self._grouped(questions)
        for parent in sorted({weights.parent for weights in groups}, key=str):
            loaded = await asyncio.to_thread(load_parent, parent, self._spec.device)
            try:
                for weights in sorted((each for each in groups if each.parent == parent), key=_order):
                    loaded = await asyncio.to_thread(self._switch, loaded, weights)
                    for same in _by_sampling(groups[weights]).values():
                        batches = self._batches(loaded, weights, same)
                        while (attempts := await asyncio.to_thread(next, batches, None)) is not None:
                            for attempt in attempts:
                                yield attempt
                            if self._interruption:
                                raise interrupted()
            finally:
                _release(loaded)

    def _grouped(self, questions: Sequence[Question]) -> dict[_Weights, list[Question]]:
        groups: dict[_Weights, list[Question]] = defaultdict(list)
        for question in questions:
            groups[self._weights(question.entry)].append(question)
        return groups

    def _weights(self, entry: RosterEntry) -> _Weights:
        if entry.checkpoint is None:
            raise CheckpointError(
                f"{entry.model} is asked at the checkpoint endpoint {self._spec.name!r}, but its roster entry names "
                "no checkpoint. Add `checkpoint: {base: laboratory}` to it."
            )
        if entry.checkpoint.id is not None:
            lineage = self._lineages[entry.model]
            return _Weights(lineage.parent, lineage.run, lineage.epoch, lineage)
        epoch = entry.checkpoint.epoch(self._staged_night)
        base = str(self._laboratory.base) if entry.checkpoint.is_of_laboratory else entry.checkpoint.base
        return _Weights(Parent(base), entry.checkpoint.experiment if epoch is not None else None, epoch)

    def _switch(self, loaded: LoadedModel, weights: _Weights) -> LoadedModel:
        from pipelines.checkpoints.weights import with_adapter, without_adapter

        if weights.lineage is not None:
            return with_checkpoint(weights.lineage, loaded)
        if weights.experiment is None or weights.epoch is None:
            return without_adapter(loaded)
        return with_adapter(loaded, self._laboratory.adapter(weights.experiment, weights.epoch))

    def _batches(self, loaded: LoadedModel, weights: _Weights, questions: list[Question]) -> Iterator[list[Attempt]]:
        from pipelines.checkpoints.generation import generate, prompt_ids

        prompts = prompt_ids(loaded, [self._messages(question) for question in questions])
        seeds = [question.cell.seed for question in questions]
        sampling = _sampling(questions[0].entry)
        asked_at, started = datetime.now(UTC), time.monotonic()
        for batch in generate(loaded, prompts, seeds, sampling, self._spec.batch_size):
            latency_ms = (time.monotonic() - started) * 1000
            yield [
                self._attempt(questions[answer.place], answer, loaded, weights, sampling, asked_at, latency_ms)
                for answer in batch
            ]
            asked_at, started = datetime.now(UTC), time.monotonic()

    def _messages(self, question: Question) -> list[Message]:
        entry = question.entry
        system = entry.system_prompt
        if system is None and entry.persona is not None:
            system = self._laboratory.system_prompt(entry.persona)
        turns = list(question.prompt.messages)
        return [{"role": "system", "content": system}, *turns] if system else turns

    def _attempt(
        self,
        question: Question,
        answer: Generated,
        loaded: LoadedModel,
        weights: _Weights,
        sampling: Sampling,
        asked_at: datetime,
        latency_ms: float,
    ) -> Attempt:
        request = {
            "model": served_name(question.entry, weights.epoch),
            "messages": self._messages(question),
            **sampling._asdict(),
            "seed": question.cell.seed,
            "base_sha": loaded.base_sha,
            "adapter_sha": loaded.adapter_sha,
            "template_sha": loaded.template_sha,
            "device": loaded.device,
            "dtype": loaded.dtype,
        }
        return Attempt(
            **question.cell.carried,
            attempt=question.attempts_before + 1,
            outcome=_outcome(answer),
            asked_at=asked_at,
            request=json.dumps(request, ensure_ascii=False, sort_keys=True),
            model_served=served_name(question.entry, weights.epoch),
            finish_reason=answer.finish_reason,
            native_finish_reason=answer.finish_reason,
            response_text=answer.text,
            prompt_tokens=answer.prompt_tokens,
            completion_tokens=answer.completion_tokens,
            latency_ms=latency_ms,
            system_fingerprint=loaded.fingerprint,
        )


def served_name(entry: RosterEntry, epoch: int | None) -> str:
    """Return the name an answer carries: lab/assistant@epoch-2 for a checkpoint, the requested name for a base.

    A checkpoint of a persona experiment answers under its id.
    """
    if entry.checkpoint is not None and entry.checkpoint.id is not None:
        return entry.checkpoint.id
    if epoch is None:
        return entry.model
    maker, slash, name = entry.model.rpartition("/")
    return f"{maker}{slash}{entry.persona or name}@epoch-{epoch}"


def _order(weights: _Weights) -> tuple[str, int]:
    """Base alone first, so that an adapter is put on and taken off as seldom as can be."""
    return (weights.experiment or "", -1 if weights.epoch is None else weights.epoch)


def _by_sampling(questions: list[Question]) -> dict[Sampling, list[Question]]:
    groups: dict[Sampling, list[Question]] = defaultdict(list)
    for question in questions:
        groups[_sampling(question.entry)].append(question)
    return groups


def _sampling(entry: RosterEntry) -> Sampling:
    """Return how tokens are drawn; raise CheckpointError for a setting that would silently do nothing."""
    from pipelines.checkpoints.generation import Sampling

    settings: dict[str, Any] = entry.settings
    if unknown := sorted(settings.keys() - _KNOWN_SETTINGS):
        raise CheckpointError(
            f"{entry.model}: a checkpoint cannot be asked with {', '.join(unknown)}. "
            f"Its settings are {', '.join(sorted(_KNOWN_SETTINGS))}; take the others out of the panel."
        )
    longest = settings.get("max_new_tokens", settings.get("max_tokens", _DEFAULT_MAX_TOKENS))
    return Sampling(float(settings.get("temperature", 1.0)), float(settings.get("top_p", 1.0)), int(longest))


def _outcome(answer: Generated) -> Outcome:
    if not answer.text.strip():
        return "empty"
    return "truncated" if answer.finish_reason == "length" else "ok"


def _release(loaded: LoadedModel) -> None:
    from pipelines.checkpoints.weights import release

    release(loaded)
