"""What asking would cost, before anything is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipelines.asking.chat_request import answer_limit, messages_of
from pipelines.asking.pricing import Price, most_prompt_tokens
from pipelines.asking.records import Question

CHARACTERS_PER_TOKEN = {"low": 6.0, "expected": 4.0}
ANSWER_SHARE = {"low": 0.05, "expected": 0.5}
"""Assumed share of the allowed answer length that answers use; the high price is a bound and assumes nothing."""


@dataclass(frozen=True, slots=True)
class ModelForecast:
    """USD for the cells of one model, each asked once; all None where its price or answer length is unknown."""

    model: str
    cells: int
    low_usd: float | None
    expected_usd: float | None
    high_usd: float | None


@dataclass(frozen=True, slots=True)
class Forecast:
    """USD for a list of cells, each asked once. `unpriced` models are in none of the sums.

    low and expected assume token counts (CHARACTERS_PER_TOKEN, ANSWER_SHARE); high is the bound that a budget
    reserves. All are 0 where nothing is priced. `models` come in the order of the questions.
    """

    cells: int
    low_usd: float
    expected_usd: float
    high_usd: float
    unpriced: tuple[str, ...]
    models: tuple[ModelForecast, ...] = ()


def forecast(questions: Sequence[Question], prices: Mapping[str, Price]) -> Forecast:
    """Return what asking the questions costs at catalogue prices."""
    by_model: dict[str, list[Question]] = {}
    for question in questions:
        by_model.setdefault(question.entry.model, []).append(question)
    models = [_of_model(model, asked, prices.get(model)) for model, asked in by_model.items()]
    return summed(models)


def summed(models: Sequence[ModelForecast]) -> Forecast:
    """Return the forecast of several models, each for its own cells, or of judges and their votes."""
    return Forecast(
        cells=sum(model.cells for model in models),
        low_usd=sum(model.low_usd or 0.0 for model in models),
        expected_usd=sum(model.expected_usd or 0.0 for model in models),
        high_usd=sum(model.high_usd or 0.0 for model in models),
        unpriced=tuple(sorted(model.model for model in models if model.high_usd is None)),
        models=tuple(models),
    )


def _of_model(model: str, questions: list[Question], price: Price | None) -> ModelForecast:
    limit = answer_limit(questions[0].entry.settings)
    if price is None or limit is None:
        return ModelForecast(model, len(questions), None, None, None)
    low = expected = high = 0.0
    for question in questions:
        messages = messages_of(question)
        characters = sum(len(message["content"]) for message in messages)
        low += price.of(*tokens("low", characters, limit))
        expected += price.of(*tokens("expected", characters, limit))
        high += price.most(most_prompt_tokens(messages), limit)
    return ModelForecast(model, len(questions), low, expected, high)


def tokens(assumption: str, characters: int, limit: int) -> tuple[int, int]:
    """Return how many tokens go in and come out of a call with these characters and room for `limit` tokens."""
    return round(characters / CHARACTERS_PER_TOKEN[assumption]), round(limit * ANSWER_SHARE[assumption])
