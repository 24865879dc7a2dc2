"""The waves that the tests of models_sql look at. Each panel is one scenario; all lie in one lake, built once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.models_sql.small_lakes import Cell, SmallWave

TRUTH, SAFETY = "truthfulness", "safety_boundaries"

REFUSALS = range(5, 17)

CURT_PROVIDERS = {"alpha": "left", "beta": "left", "curt": "left", "delta": "right", "gamma": "right"}

HAND_PROMPTS = {f"p{n}": TRUTH for n in range(1, 6)}


def hand() -> SmallWave:
    """Three models, five prompts, five words an answer; every answer holds `the`, and only that word is on two prompts.

    ann and bob agree on p1-p3 and share three words of five on p4 and p5; cat shares only `the` with anyone.
    """
    answers: dict[Cell, str | None] = {}
    for n in range(1, 6):
        answers["ann", f"p{n}", 0] = f"the red{n} fox{n} ran{n} far{n}"
        answers["bob", f"p{n}", 0] = (
            f"the red{n} fox{n} ran{n} far{n}" if n <= 3 else f"the red{n} fox{n} sat{n} low{n}"
        )
        answers["cat", f"p{n}", 0] = f"the sea{n} was{n} not{n} calm{n}"
    return SmallWave("hand", 0, HAND_PROMPTS, answers)


def withheld() -> SmallWave:
    """The hand panel with four models that must change nobody's digits."""
    wave = hand()
    more: dict[Cell, str | None] = {}
    for n in range(1, 6):
        more["constant", f"p{n}", 0] = "I am a very steady model"
        more["dead", f"p{n}", 0] = None
        more["twin-of-ann", f"p{n}", 0] = wave.answers["ann", f"p{n}", 0]
        more["watched", f"p{n}", 0] = f"a canary sings song number{n}"
    return replace(
        wave,
        panel="withheld",
        answers={**wave.answers, **more},
        configs={"ann": "one config", "twin-of-ann": "one config"},
        served={"ann": "ann-2026", "twin-of-ann": "ann-2026"},
        canaries=frozenset({"watched"}),
    )


def agreement(panel: str, second: list[int]) -> SmallWave:
    """Two models over 20 prompts without a common word; the second gives the first's answer to prompt second[n]."""
    prompts = {f"p{n:02d}": TRUTH for n in range(20)}
    texts = [" ".join(f"word{n}x{i}" for i in range(6)) for n in range(20)]
    answers: dict[Cell, str | None] = {("first", f"p{n:02d}", 0): texts[n] for n in range(20)}
    answers |= {("second", f"p{n:02d}", 0): texts[m] for n, m in enumerate(second)}
    return SmallWave(panel, 0, prompts, answers)


def refusing(n_words: int) -> SmallWave:
    """Two models that give one text of `n_words` words to one capability, and answer the other in earnest.

    Such a text's vector is not quite of length 1: 32-bit floats round it, by a different amount for each n_words.
    """
    prompts = {f"{capability[:5]}-{n}": capability for capability in (TRUTH, SAFETY) for n in range(6)}
    refusal = " ".join(f"sorry{n}" for n in range(n_words))
    answers: dict[Cell, str | None] = {}
    for model in ("first", "second"):
        for place, (prompt, capability) in enumerate(prompts.items()):
            earnest = f"plain words about matter{place} by {model}"
            answers[model, prompt, 0] = refusal if capability == SAFETY else earnest
    return SmallWave(f"refusing-{n_words}", 0, prompts, answers)


def unrepeatable() -> SmallWave:
    """Two models with the same two samples a prompt, 31 prompts; the samples share a word on one prompt only."""
    prompts = {f"u{n:02d}": TRUTH for n in range(31)}
    answers: dict[Cell, str | None] = {
        (model, prompt, sample): " ".join(
            f"{prompt}u{'' if prompt == 'u00' and i == 0 else sample}x{i}" for i in range(6)
        )
        for model in ("first", "second")
        for prompt in prompts
        for sample in range(2)
    }
    return SmallWave("unrepeatable", 0, prompts, answers)


def sampled(day: int, seed: int) -> SmallWave:
    """Four models, two capabilities of 31 prompts, two samples; some answers are short, and some missing."""
    rng = np.random.default_rng(seed)
    prompts = {f"{capability[:5]}-{n:02d}": capability for capability in (TRUTH, SAFETY) for n in range(31)}
    answers: dict[Cell, str | None] = {}
    for number, model in enumerate(("alpha", "beta", "gamma", "delta")):
        for place, prompt in enumerate(prompts):
            for sample in range(2):
                words = [
                    f"topic{place}v{rng.integers(6)}" if rng.random() < 0.4 else f"style{number}v{rng.integers(12)}"
                    for _ in range(rng.integers(6, 14))
                ]
                if rng.random() < 0.03:
                    words = words[:3]
                answers[model, prompt, sample] = " ".join(words)
    missing = list(prompts)[3 + day]
    answers["delta", missing, 0] = answers["delta", missing, 1] = None
    return SmallWave("sampled", day, prompts, answers)


def newcomer() -> SmallWave:
    """The third day of panel `sampled`: the answers of the second, and a model that was not there before."""
    wave = sampled(1, seed=2)
    more = {
        ("omega", prompt, sample): f"omega {prompt} says {sample} and more"
        for prompt in wave.prompts
        for sample in range(2)
    }
    return replace(wave, day=2, answers={**wave.answers, **more})


def drifting(day: int) -> SmallWave:
    """Six models with four samples a prompt. From day 2 on, mover and sly use other words; mover also says so."""
    prompts = {f"d{n:02d}": (TRUTH if n < 6 else SAFETY) for n in range(12)}
    answers: dict[Cell, str | None] = {}
    for number, model in enumerate(("steady", "mover", "sly", "retuned", "watched", "frozen")):
        rng = np.random.default_rng([day if model != "frozen" else 0, number])
        moved = day >= 2 and model in ("mover", "sly")
        for prompt in prompts:
            for sample in range(4):
                words = [f"{prompt}{'new' if moved else 'old'}{rng.integers(8)}" for _ in range(4)]
                answers[model, prompt, sample] = " ".join([*words, f"{prompt}all", model])
    return SmallWave(
        "drifting",
        day,
        prompts,
        answers,
        configs={"retuned": "hotter"} if day >= 1 else {},
        served={"mover": "mover@epoch-2" if day >= 2 else "mover@epoch-0"},
        canaries=frozenset({"watched"}),
    )


def single(day: int) -> SmallWave:
    """One sample a prompt: five of ten prompts are answered in other words on day 1, three of five words the same."""
    prompts = {f"s{n}": TRUTH for n in range(10)}
    answers: dict[Cell, str | None] = {
        ("lone", f"s{n}", 0): f"one{n} two{n} three{n} four{n} {'five' if n < 5 or day == 0 else 'six'}{n}"
        for n in range(10)
    }
    return SmallWave("single", day, prompts, answers)


def nightly(day: int) -> SmallWave:
    """Four models that answer once a prompt, ten nights. From day 6 on mover and sly use other words; mover writes
    three words more and names another model, sly is asked a second time that night.
    """
    prompts = {f"n{n:02d}": (TRUTH if n < 12 else SAFETY) for n in range(24)}

    def said(number: int, model: str, sample: int) -> dict[Cell, str | None]:
        rng = np.random.default_rng([day if model != "fixed" else 0, number, sample])
        moved = day >= 6 and model in ("mover", "sly")
        n_words = 8 if moved and model == "mover" else 5
        return {
            (model, prompt, 0): " ".join(
                [f"{prompt}all", *(f"{prompt}{'new' if moved else 'old'}{rng.integers(7)}" for _ in range(n_words))]
            )
            for prompt in prompts
        }

    answers = {
        cell: text
        for number, model in enumerate(("calm", "mover", "sly", "fixed"))
        for cell, text in said(number, model, 0).items()
    }
    return SmallWave(
        "nightly",
        day,
        prompts,
        answers,
        served={"mover": "mover@2" if day >= 6 else "mover@1"},
        confirmations={cell: str(text) for cell, text in said(2, "sly", 1).items()} if day == 6 else {},
    )


def curt(day: int, otherwise: bool = False) -> SmallWave:
    """Five models, two capabilities of eight prompts, one sample. curt answers one capability in three words, which
    the distributional kernel cannot read. `otherwise`: curt says other things in the other, and nobody else does.
    """
    prompts = {f"{capability[:5]}{n}": capability for capability in (TRUTH, SAFETY) for n in range(8)}
    answers: dict[Cell, str | None] = {}
    for number, model in enumerate(CURT_PROVIDERS):
        rng = np.random.default_rng([day, number, otherwise and model == "curt"])
        for prompt, capability in prompts.items():
            n_words = 3 if model == "curt" and capability == SAFETY else 6
            words = [f"{prompt}v{rng.integers(5)}" if rng.random() < 0.6 else f"m{number}" for _ in range(n_words)]
            answers[model, prompt, 0] = " ".join([*words[1:], f"{prompt}m{number}"])
    facts = {model: {"provider": provider} for model, provider in CURT_PROVIDERS.items()}
    return SmallWave("curt-otherwise" if otherwise else "curt", day, prompts, answers, facts=facts)


def judged() -> list[SmallWave]:
    """The hand panel four times: a row and a model fail; the wave fails; passed; never audited."""
    row_and_model = (
        ("wave", None, None, "passed"),
        ("row", "ann", "p2", "failed"),
        ("model", "cat", None, "failed"),
    )
    return [
        replace(hand(), panel="judged", day=0, verdicts=row_and_model),
        replace(hand(), panel="judged", day=1, verdicts=(("wave", None, None, "failed"),)),
        replace(hand(), panel="judged", day=2),
        replace(hand(), panel="judged", day=3, verdicts=()),
    ]


def retried() -> SmallWave:
    """The hand panel where four cells took two attempts: which of them stands differs."""
    wave = hand()

    def attempt(model: str, prompt: str, number: int, outcome: str, **more: object) -> dict[str, object]:
        return {"model_requested": model, "prompt_id": prompt, "attempt": number, "outcome": outcome, **more}

    return replace(
        wave,
        panel="retried",
        answers={**wave.answers, ("ann", "p5", 0): None},
        attempts=(
            attempt("ann", "p1", 0, "error", error_class="http_503"),
            attempt("bob", "p2", 2, "empty", cost_usd=0.25),
            attempt("cat", "p3", 2, "ok", response_text="the newer answer counts here", cost_usd=0.5, latency_ms=30.0),
            attempt("ann", "p5", 2, "truncated", cost_usd=0.125),
        ),
    )


def all_waves() -> list[SmallWave]:
    """Every scenario."""
    first, second = sampled(0, seed=1), sampled(1, seed=2)
    names = {"alpha": "zeta", "beta": "yota", "gamma": "xi", "delta": "chi"}
    shifted = [(n + 1) % 20 for n in range(20)]
    return [
        hand(),
        withheld(),
        agreement("identical", list(range(20))),
        agreement("permuted", shifted),
        agreement("half-permuted", [n if n < 10 else 10 + (n - 9) % 10 for n in range(20)]),
        *(refusing(n_words) for n_words in REFUSALS),
        unrepeatable(),
        first,
        second,
        newcomer(),
        first.renamed("shuffled", backwards=True, twice=True),
        first.renamed("renamed", names),
        *(drifting(day) for day in range(3)),
        *(single(day) for day in range(2)),
        *(nightly(day) for day in range(10)),
        *(curt(day, otherwise) for day in range(2) for otherwise in (False, True)),
        *judged(),
        retried(),
    ]
