"""Embedding a night's new texts against encoding every answer again, without reuse.

Four nights of answers are made: half of each night's texts were given on an earlier night, as
models at low temperature do. Prints one JSON line with seconds either way and their ratio.
"""

import json
import random
import time

from pipelines.embeddings import embed

ANSWERS_A_NIGHT, NIGHTS, SHARE_SEEN = 400, 4, 0.5
WORDS = [
    "the",
    "a",
    "library",
    "answer",
    "of",
    "model",
    "night",
    "rain",
    "book",
    "harbour",
    "says",
    "that",
    "it",
    "was",
    "not",
    "so",
    "because",
    "we",
    "count",
    "every",
    "day",
]


def nights(generator: random.Random) -> list[list[str]]:
    """Return the texts of each night; from the second on, half are taken from the nights before."""
    made: list[list[str]] = []
    for night in range(NIGHTS):
        earlier = [text for texts in made for text in texts]
        texts = []
        for _ in range(ANSWERS_A_NIGHT):
            if night and generator.random() < SHARE_SEEN:
                texts.append(generator.choice(earlier))
            else:
                texts.append(" ".join(generator.choices(WORDS, k=generator.randint(20, 140))))
        made.append(texts)
    return made


def main() -> None:
    """Time both on the same texts in one run."""
    made = nights(random.Random(1))
    embed(["warm up"])
    seen: set[str] = set()
    started = time.perf_counter()
    for texts in made:
        unseen = sorted(set(texts) - seen, key=len)
        embed(unseen)
        seen.update(unseen)
    reused = time.perf_counter() - started
    started = time.perf_counter()
    for texts in made:
        embed(texts)
    plain = time.perf_counter() - started
    answers = ANSWERS_A_NIGHT * NIGHTS
    figures = {
        "benchmark": "embed",
        "answers": answers,
        "distinct": len(seen),
        "with_reuse_s": round(reused, 2),
        "plain_encode_s": round(plain, 2),
        "texts_per_s": round(len(seen) / reused, 1),
        "plain_over_reuse": round(plain / reused, 2),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
