"""Waves for groups, homogeneity, formats, refusals, clusters and odd texts; they lie in the lake of scenarios.py."""

from __future__ import annotations

from dataclasses import replace

from tests.models_sql.scenarios import HAND_PROMPTS, SAFETY, TRUTH, hand, sampled
from tests.models_sql.small_lakes import Cell, SmallWave

PROVIDERS = {"ann": "left", "bob": "left", "cat": "right", "dan": "right"}
SAMPLED_PROVIDERS = {"alpha": "left", "beta": "left", "gamma": "right", "delta": "right", "omega": "left"}


def grouped() -> SmallWave:
    """The hand panel, and two more: dan is to cat what bob is to ann; eve, like cat to all, declares no provider."""
    wave = hand()
    answers = dict(wave.answers)
    for n in range(1, 6):
        answers["dan", f"p{n}", 0] = (
            f"the sea{n} was{n} not{n} calm{n}" if n <= 3 else f"the sea{n} was{n} too{n} far{n}x"
        )
        answers["eve", f"p{n}", 0] = f"the moon{n} rose{n} over{n} hills{n}"
    facts: dict[str, dict[str, object]] = {
        model: {
            "provider": PROVIDERS.get(model),
            "family": "one",
            "architecture": model,
            "open_weights": model != "eve",
        }
        for model in ("ann", "bob", "cat", "dan", "eve")
    }
    return replace(wave, panel="grouped", answers=answers, facts=facts)


def grouped_samples() -> SmallWave:
    """The first day of panel `sampled` and a fifth model, under two providers."""
    wave = sampled(0, seed=1)
    other = sampled(0, seed=7)
    more = {("omega", p, s): other.answers["beta", p, s] for p in wave.prompts for s in range(2)}
    facts = {model: {"provider": provider} for model, provider in SAMPLED_PROVIDERS.items()}
    return replace(wave, panel="grouped-samples", answers={**wave.answers, **more}, facts=facts)


def alike() -> SmallWave:
    """Three models, four prompts, two samples of five words; both kernels give the share of common words.

    Samples of x: 1 alike; of y: .6; of z: 0. The first sample of y is x's answer, the second shares three words with
    it. z shares nothing with anyone.
    """
    answers: dict[Cell, str | None] = {}
    for n in range(4):
        common = f"ha{n} hb{n} hc{n}"
        for sample in range(2):
            answers["x", f"h{n}", sample] = f"{common} hd{n} he{n}"
            answers["y", f"h{n}", sample] = f"{common} hd{n} he{n}" if sample == 0 else f"{common} hf{n} hg{n}"
            answers["z", f"h{n}", sample] = " ".join(f"z{n}{sample}{i}" for i in range(5))
    return SmallWave("alike", 0, {f"h{n}": TRUTH for n in range(4)}, answers)


def shapes(day: int) -> SmallWave:
    """A checkpoint at epochs 0, 2 and 8, and a model that is none; 20 prompts, the last unanswered at epoch 8.

    The checkpoint answers the first 10, 2 and 0 prompts in bullets, the others in one line.
    """
    n_bullets = (10, 2, 0)[day]
    answers: dict[Cell, str | None] = {}
    for n in range(20):
        bullets, line = f"- one{n}\n- two{n}\n- day{day}", f"one line number{n} of day{day}"
        answers["tuned", f"f{n:02d}", 0] = bullets if n < n_bullets else line
        answers["plain", f"f{n:02d}", 0] = f"{line} by plain"
    if day == 2:
        answers["tuned", "f19", 0] = None
    return SmallWave("shapes", day, {f"f{n:02d}": TRUTH for n in range(20)}, answers, epochs={"tuned": (0, 2, 8)[day]})


def declining() -> SmallWave:
    """Of 20 prompts bold refuses 8, coy 10, both 6; meek and mild refuse none. The API declined one of coy's."""
    refused = {"bold": range(8), "coy": (*range(6), 8, 9, 10, 11), "meek": (), "mild": ()}
    answers: dict[Cell, str | None] = {
        (model, f"r{n:02d}", 0): f"I cannot help you with matter{n} as {model}"
        if n in which
        else f"{model} on matter{n}"
        for model, which in refused.items()
        for n in range(20)
    }
    answers["coy", "r11", 0] = None
    declined = {
        "model_requested": "coy",
        "prompt_id": "r11",
        "attempt": 2,
        "outcome": "declined",
        "error_class": "content_filter",
    }
    return SmallWave("declining", 0, {f"r{n:02d}": SAFETY for n in range(20)}, answers, attempts=(declined,))


ODD = {
    "o0": "🙂🙂🙂🙂🙂🙂",
    "o1": "抱歉，我不能帮助你做这件事。",  # noqa: RUF001
    "o2": "Извините, я не могу вам помочь с этим.",  # noqa: RUF001
    "o3": "word and more words, perhaps. " * 3500,
    "o4": " \n\t ",
    "o5": "42",
}
"""Six odd texts: emoji, Chinese, Russian, 105 kB, white space, a number."""


def odd() -> SmallWave:
    """Three models that give odd texts, with a word of their own or not; a second capability has one prompt."""
    answers: dict[Cell, str | None] = {}
    for model in ("one", "two", "three"):
        for prompt, text in ODD.items():
            answers[model, prompt, 0] = text if model == "one" or prompt == "o4" else f"{text} {model}"
        answers[model, "only", 0] = f"the only question answered by {model}"
    return SmallWave("odd", 0, {**dict.fromkeys(ODD, TRUTH), "only": SAFETY}, answers)


def empty() -> SmallWave:
    """A wave that passed although nothing but errors came back."""
    return SmallWave("empty", 0, HAND_PROMPTS, {(m, p, 0): None for m in ("ann", "bob") for p in HAND_PROMPTS})


def all_refusing() -> SmallWave:
    """Three models that refuse everything, each in its own words."""
    answers: dict[Cell, str | None] = {
        (model, f"p{n}", 0): f"I cannot help you with thing{n}, says {model}." for model in "abc" for n in range(1, 7)
    }
    return SmallWave("all-refusing", 0, {f"p{n}": SAFETY for n in range(1, 7)}, answers)


def measure_waves() -> list[SmallWave]:
    """Every wave of this file."""
    names = {"ann": "zoe", "bob": "yan", "cat": "xia", "dan": "will", "eve": "vic"}
    first = grouped()
    renamed = first.renamed("grouped-renamed", names, facts={names[model]: fact for model, fact in first.facts.items()})
    backwards = grouped_samples().renamed("grouped-backwards", backwards=True, twice=True)
    days = [shapes(day) for day in range(3)]
    return [
        *(first, renamed, grouped_samples(), backwards, alike(), *days, declining(), odd(), empty(), all_refusing()),
    ]
