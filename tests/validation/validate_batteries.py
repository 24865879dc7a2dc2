"""No two prompts of the batteries that come with driftlake ask nearly the same. Slow: it embeds all of them."""

from __future__ import annotations

import numpy as np

from pipelines.embeddings import embed
from pipelines.panels.battery_files import load_battery
from pipelines.panels.records import Prompt

WRITTEN = ("level1", "extended")


def test_no_two_prompts_mean_nearly_the_same() -> None:
    """Cosine of all-MiniLM-L6-v2 embeddings, over the 780 prompts of both batteries together."""
    prompts = [prompt for name in WRITTEN for prompt in load_battery(name).prompts]
    vectors = embed([_joined(prompt) for prompt in prompts])
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -1.0)
    first, second = np.unravel_index(int(cosines.argmax()), cosines.shape)
    nearest = f"{prompts[first].prompt_id} and {prompts[second].prompt_id}"
    assert len(prompts) == 780
    assert cosines.max() <= 0.95, nearest


def _joined(prompt: Prompt) -> str:
    return "\n".join(turn["content"] for turn in prompt.messages)
