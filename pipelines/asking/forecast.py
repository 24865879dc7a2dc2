"""What a wave would cost and what would go wrong, before anything is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from pipelines.asking.catalogue import Catalogue, CatalogueModel, KeyStatus
from pipelines.asking.chat_request import answer_limit, messages_of
from pipelines.asking.pricing import Price, most_prompt_tokens
from pipelines.asking.records import Question
from pipelines.panels.records import RosterEntry
from pipelines.panels.settings import LENGTH_SETTINGS

ProblemKind = Literal[
    "unknown", "alias", "retired", "expiring", "context", "ignored", "unpriced", "free_limit", "credit"
]

EXPIRING_WITHIN = timedelta(days=30)
FREE_PER_DAY, FREE_PER_DAY_AFTER_PURCHASE = 50, 1000
"""Requests a day to free variants, before and after a first purchase (OpenRouter, August 2026)."""

CHARACTERS_PER_TOKEN = {"low": 6.0, "expected": 4.0}
ANSWER_SHARE = {"low": 0.05, "expected": 0.5}
"""Assumed share of the allowed answer length that answers use; the high price is a bound and assumes nothing."""

NOT_PARAMETERS = frozenset({"provider", "stop"})
"""Settings that catalogues do not list among supported parameters."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that would go wrong. `stops` says whether cells cannot be answered, rather than answered worse."""

    model: str
    kind: ProblemKind
    message: str
    stops: bool = False


@dataclass(frozen=True, slots=True)
class Forecast:
    """USD for a list of cells, each asked once. `unpriced` models are in none of the sums.

    low and expected assume token counts (CHARACTERS_PER_TOKEN, ANSWER_SHARE); high is the bound that a budget
    reserves. All are 0 where nothing is priced.
    """

    cells: int
    low_usd: float
    expected_usd: float
    high_usd: float
    unpriced: tuple[str, ...]


def forecast(questions: Sequence[Question], prices: Mapping[str, Price]) -> Forecast:
    """Return what asking the questions costs at catalogue prices."""
    low = expected = high = 0.0
    unpriced: set[str] = set()
    for question in questions:
        price, limit = prices.get(question.entry.model), answer_limit(question.entry.settings)
        if price is None or limit is None:
            unpriced.add(question.entry.model)
            continue
        messages = messages_of(question)
        characters = sum(len(message["content"]) for message in messages)
        low += price.of(*_tokens("low", characters, limit))
        expected += price.of(*_tokens("expected", characters, limit))
        high += price.most(most_prompt_tokens(messages), limit)
    return Forecast(len(questions), low, expected, high, tuple(sorted(unpriced)))


def problems(
    questions: Sequence[Question],
    catalogues: Mapping[str, Catalogue],
    wave_date: date,
    keys: Mapping[str, KeyStatus] | None = None,
) -> list[Problem]:
    """Return what is wrong with each model of an OpenAI-compatible endpoint, in the order of the questions.

    Endpoints without a catalogue (checkpoints) have no problems here. `keys` holds what is known of the key of
    each endpoint.
    """
    entries = {q.entry.model: q.entry for q in questions if q.entry.endpoint in catalogues}
    cells = Counter(q.entry.model for q in questions)
    longest: dict[str, int] = {}
    for question in questions:
        size = sum(len(message["content"]) for message in messages_of(question))
        longest[question.entry.model] = max(longest.get(question.entry.model, 0), size)
    found: list[Problem] = []
    for model, entry in entries.items():
        listed = catalogues[entry.endpoint].find(model)
        if listed is None:
            message = f"{model} is not in the catalogue of {entry.endpoint}: unknown or retired. Check its name."
            found.append(Problem(model, "unknown", message, stops=True))
        else:
            found += _of_listed(entry, listed, longest[model], wave_date)
    return found + _free_limits(entries.values(), cells, keys or {}) + _credit(keys or {})


def _tokens(assumption: str, characters: int, limit: int) -> tuple[int, int]:
    return round(characters / CHARACTERS_PER_TOKEN[assumption]), round(limit * ANSWER_SHARE[assumption])


def _of_listed(entry: RosterEntry, listed: CatalogueModel, longest: int, wave_date: date) -> list[Problem]:
    model, found = entry.model, []
    if listed.alias_target:
        found.append(Problem(model, "alias", f"{model} is an alias of {listed.alias_target} today and may roll over."))
    if (expires := _day(listed.expiration_date)) is not None:
        if expires <= wave_date:
            found.append(Problem(model, "retired", f"{model} was retired on {expires}.", stops=True))
        elif expires <= wave_date + EXPIRING_WITHIN:
            found.append(Problem(model, "expiring", f"{model} goes away on {expires}: choose its successor now."))
    limit = answer_limit(entry.settings)
    needed = round(longest / CHARACTERS_PER_TOKEN["expected"]) + (limit or 0)
    if listed.context_length is not None and needed > listed.context_length:
        message = (
            f"{model} holds {listed.context_length} tokens; its longest prompt with the answer needs about {needed}."
        )
        found.append(Problem(model, "context", message, stops=True))
    if ignored := _ignored(entry, listed):
        message = f"{model} would silently ignore {', '.join(ignored)}: two runs would differ for no stated reason."
        found.append(Problem(model, "ignored", message))
    is_unpriced = listed.price is None and entry.price is None
    if is_unpriced or limit is None:
        missing = "price" if is_unpriced else "max_tokens"
        found.append(Problem(model, "unpriced", f"{model} has no {missing}, so a budget cannot bound it."))
    return found


def _ignored(entry: RosterEntry, listed: CatalogueModel) -> list[str]:
    if listed.supported_parameters is None:
        return []
    set_ones = {name for name, value in entry.settings.items() if value is not None} | {"seed"}
    if "seed" in entry.settings and entry.settings["seed"] is None:
        set_ones.discard("seed")
    supported = set(listed.supported_parameters)
    if supported.intersection(LENGTH_SETTINGS):
        supported.update(LENGTH_SETTINGS)
    return sorted(set_ones - supported - NOT_PARAMETERS)


def _free_limits(entries: Iterable[RosterEntry], cells: Counter[str], keys: Mapping[str, KeyStatus]) -> list[Problem]:
    free: dict[str, list[str]] = {}
    for entry in entries:
        if entry.model.endswith(":free"):
            free.setdefault(entry.endpoint, []).append(entry.model)
    found = []
    for endpoint, models in free.items():
        status = keys.get(endpoint)
        allowed = FREE_PER_DAY_AFTER_PURCHASE if status is not None and not status.is_free_tier else FREE_PER_DAY
        wanted = sum(cells[model] for model in models)
        if wanted > allowed:
            message = f"{wanted} cells go to free variants of {endpoint}, which answers {allowed} a day."
            found.append(Problem(", ".join(models), "free_limit", message, stops=True))
    return found


def _credit(keys: Mapping[str, KeyStatus]) -> list[Problem]:
    return [
        Problem("", "credit", f"The key of {endpoint} has nothing left to spend: raise its limit.", stops=True)
        for endpoint, status in keys.items()
        if status.limit_remaining is not None and status.limit_remaining <= 0
    ]


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text[:10]) if text else None
    except ValueError:
        return None
