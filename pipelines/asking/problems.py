"""What would go wrong in a wave, from what the endpoints say of themselves, before anything is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Literal

from pipelines.asking.catalogue import Catalogue, CatalogueModel
from pipelines.asking.chat_request import answer_limit, messages_of, provider_pin
from pipelines.asking.forecast import CHARACTERS_PER_TOKEN, Forecast
from pipelines.asking.key_status import FREE_PER_MINUTE, KeyStatus
from pipelines.asking.money import money
from pipelines.asking.offers import ModelOffers, Offer
from pipelines.asking.pricing import Price
from pipelines.asking.records import Question
from pipelines.panels.records import RosterEntry
from pipelines.panels.settings import LENGTH_SETTINGS, PINS

ProblemKind = Literal[
    "unknown", "alias", "retired", "expiring", "context", "ignored", "unpriced", "pin", "quantization",
    "free_limit", "credit", "budget", "endpoint",
]  # fmt: skip

GONE: frozenset[str] = frozenset({"unknown", "retired"})
"""Kinds of a model that answers nothing at all."""

EXPIRING_WITHIN = timedelta(days=30)

NOT_PARAMETERS = frozenset({"provider", "stop"})
"""Settings that catalogues do not list among supported parameters."""

UNSAID = frozenset({None, "", "unknown"})


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that would go wrong. `stops` says whether cells cannot be answered, rather than answered worse."""

    model: str
    kind: ProblemKind
    message: str
    stops: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the endpoints: catalogues and keys by endpoint, offers and prices by model."""

    catalogues: Mapping[str, Catalogue]
    keys: Mapping[str, KeyStatus] = field(default_factory=dict)
    offers: Mapping[str, ModelOffers] = field(default_factory=dict)
    prices: Mapping[str, Price] = field(default_factory=dict)


def problems(
    questions: Sequence[Question], known: Known, wave_date: date, unbounded: Collection[str] = ()
) -> list[Problem]:
    """Return what is wrong with each model of an OpenAI-compatible endpoint, in the order of the questions.

    `unbounded` models would stop the wave, for it may not ask what nobody can bound. Last comes what is wrong with the
    endpoints' keys. Endpoints without a catalogue (checkpoints) have no problems here.
    """
    entries = {q.entry.model: q.entry for q in questions if q.entry.endpoint in known.catalogues}
    longest: dict[str, int] = {}
    for question in questions:
        size = sum(len(message["content"]) for message in messages_of(question))
        longest[question.entry.model] = max(longest.get(question.entry.model, 0), size)
    found: list[Problem] = []
    for model, entry in entries.items():
        listed = known.catalogues[entry.endpoint].find(model)
        if listed is None:
            message = f"{model} is not in the catalogue of {entry.endpoint}: unknown or retired. Check its name."
            found.append(Problem(model, "unknown", message, stops=True))
        else:
            found += _of_listed(entry, listed, longest[model], wave_date)
            found += _unpriced(entry, known.prices.get(model, listed.price), model in unbounded)
        if model in known.offers:
            found += _of_offers(entry, known.offers[model].offers)
    return found + _free_limits(entries, Counter(q.entry.model for q in questions), known.keys) + _overdrawn(known.keys)


def unaffordable(expected: Forecast, keys: Mapping[str, KeyStatus], left_usd: float | None) -> list[Problem]:
    """Return where money would run out: a key's credit, or what a cap leaves, against the expected and highest."""
    left = {
        f"credit left on the key of {name}": status.limit_remaining
        for name, status in keys.items()
        if status.limit_remaining is not None and status.limit_remaining > 0
    } | ({"budget": left_usd} if left_usd is not None else {})
    found = []
    for what, usd in left.items():
        kind: ProblemKind = "budget" if what == "budget" else "credit"
        if usd < expected.expected_usd:
            message = (
                f"The {what}, {money(usd)} USD, is less than the expected price of {money(expected.expected_usd)} USD: "
                "the wave would stop before its end and could be resumed."
            )
            found.append(Problem("", kind, message, stops=True))
        elif usd < expected.high_usd:
            message = (
                f"The {what}, {money(usd)} USD, covers the expected price but not the highest, "
                f"{money(expected.high_usd)}."
            )
            found.append(Problem("", kind, message))
    return found


def _of_listed(entry: RosterEntry, listed: CatalogueModel, longest: int, wave_date: date) -> Iterator[Problem]:
    model = entry.model
    if listed.alias_target:
        yield Problem(model, "alias", f"{model} is an alias of {listed.alias_target} today and may roll over.")
    if (expires := _day(listed.expiration_date)) is not None:
        if expires <= wave_date:
            yield Problem(model, "retired", f"{model} was retired on {expires}.", stops=True)
        elif expires <= wave_date + EXPIRING_WITHIN:
            yield Problem(model, "expiring", f"{model} goes away on {expires}: choose its successor now.")
    needed = round(longest / CHARACTERS_PER_TOKEN["expected"]) + (answer_limit(entry.settings) or 0)
    if listed.context_length is not None and needed > listed.context_length:
        message = (
            f"{model} holds {listed.context_length} tokens; its longest prompt with the answer needs about {needed}."
        )
        yield Problem(model, "context", message, stops=True)
    if ignored := _ignored(entry, listed):
        message = f"{model} would silently ignore {', '.join(ignored)}: two runs would differ for no stated reason."
        yield Problem(model, "ignored", message)


def _unpriced(entry: RosterEntry, price: Price | None, stops: bool) -> Iterator[Problem]:
    if price is None or answer_limit(entry.settings) is None:
        missing = "price" if price is None else "max_tokens"
        message = f"{entry.model} has no {missing}, so a budget cannot bound it."
        if stops:
            message += f" The wave is refused: declare `{missing}` in the panel, or allow it with --allow-unpriced."
        yield Problem(entry.model, "unpriced", message, stops)


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


def _of_offers(entry: RosterEntry, offers: Sequence[Offer]) -> Iterator[Problem]:
    pin = provider_pin(entry.settings.get("provider")) or {}
    pinned = [str(name) for key in PINS for name in _names(pin.get(key))]
    served_by = ", ".join(sorted({offer.provider for offer in offers})) or "nobody"
    absent = [name for name in pinned if not any(offer.is_named(name) for offer in offers)]
    if pinned and len(absent) == len(pinned):
        message = (
            f"{entry.model} is pinned to {', '.join(absent)}, and none of them serves it today ({served_by} does)."
        )
        yield Problem(entry.model, "pin", message, stops=True)
    elif not offers:
        yield Problem(entry.model, "pin", f"{entry.model} is listed, and no provider serves it today.", stops=True)
    chosen = [offer for offer in offers if not pinned or any(offer.is_named(name) for name in pinned)]
    said = sorted({str(offer.quantization) for offer in chosen if offer.quantization not in UNSAID})
    if len(said) > 1 and not pin.get("quantizations"):
        message = (
            f"{entry.model} is served in {', '.join(said)} by {len({offer.provider for offer in chosen})} providers: "
            "without a pin, answers can differ for no other reason. Pin `provider` in its settings."
        )
        yield Problem(entry.model, "quantization", message)


def _free_limits(
    entries: Mapping[str, RosterEntry], cells: Counter[str], keys: Mapping[str, KeyStatus]
) -> list[Problem]:
    free: dict[str, list[str]] = {}
    for model, entry in entries.items():
        if model.endswith(":free"):
            free.setdefault(entry.endpoint, []).append(model)
    found = []
    for endpoint, models in free.items():
        allowed = keys.get(endpoint, KeyStatus(None, None, is_free_tier=True)).free_requests_left()
        wanted, named = sum(cells[model] for model in models), ", ".join(models)
        if wanted > allowed:
            message = f"{wanted} cells go to free variants of {endpoint}, which answers {allowed} more today."
            found.append(Problem(named, "free_limit", message, stops=True))
        if wanted > FREE_PER_MINUTE:
            message = (
                f"Free variants of {endpoint} answer {FREE_PER_MINUTE} requests a minute: {wanted} cells take "
                f"{wanted / FREE_PER_MINUTE:.0f} minutes or more."
            )
            found.append(Problem(named, "free_limit", message))
    return found


def _overdrawn(keys: Mapping[str, KeyStatus]) -> list[Problem]:
    return [
        Problem("", "credit", f"The key of {endpoint} has nothing left to spend: raise its limit.", stops=True)
        for endpoint, status in keys.items()
        if status.limit_remaining is not None and status.limit_remaining <= 0
    ]


def _names(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else [value] if value else []


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text[:10]) if text else None
    except ValueError:
        return None
