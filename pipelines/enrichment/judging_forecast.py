"""What judging the answers of a wave would cost, before there are answers to judge.

Every answer is shown to every judge as often as the judge votes. Nobody knows its text yet, so its length is assumed
as that of answers is (pipelines.asking.forecast); equal answers, which are judged once, are counted each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pipelines.asking.chat_request import answer_limit
from pipelines.asking.forecast import ANSWER_SHARE, CHARACTERS_PER_TOKEN, Forecast, ModelForecast, summed, tokens
from pipelines.asking.pricing import Price, most_prompt_tokens
from pipelines.asking.records import Question
from pipelines.enrichment.behaviours import filled, prompt_text
from pipelines.enrichment.judging import JUDGED_PURPOSES
from pipelines.panels.records import Judge, Message, Panel

LONGEST_TOKEN = 6
"""Bytes a token of an answer has at most, on average over an answer, when the high price is worked out."""

CHECKPOINT_LIMIT = 64
"""Tokens of a checkpoint's answer where its settings set no limit (pipelines.asking.checkpoint)."""


class _Answered(NamedTuple):
    """Answers that are priced alike: to one prompt, of at most so many tokens; None where nothing limits them."""

    prompt_id: str
    limit: int | None


def judging_forecast(panel: Panel, questions: Sequence[Question], prices: Mapping[str, Price]) -> Forecast:
    """Return what judging the answers to the questions costs, a line a judge; cells are votes.

    low and expected assume lengths; high takes every answer at its longest, LONGEST_TOKEN bytes a token, one token of
    the judge's a byte. A judge is unpriced whose price is unknown, or where an answer or a vote has no limit. What a
    night spends is held by its budget, whatever was foreseen.
    """
    answers = Counter(
        _Answered(question.prompt.prompt_id, _limit(panel, question))
        for question in questions
        if question.cell.purpose in JUDGED_PURPOSES
    )
    conversations = {question.prompt.prompt_id: question.prompt.messages for question in questions}
    return summed([_of_judge(judge, answers, conversations, prices.get(judge.model)) for judge in panel.judges])


def _limit(panel: Panel, question: Question) -> int | None:
    limit = answer_limit(question.entry.settings)
    is_here = panel.endpoints[question.entry.endpoint].kind == "checkpoint"
    return question.entry.settings.get("max_new_tokens", limit or CHECKPOINT_LIMIT) if is_here else limit


def _of_judge(
    judge: Judge, answers: Counter[_Answered], conversations: Mapping[str, Sequence[Message]], price: Price | None
) -> ModelForecast:
    name, votes = f"{judge.model} judging {judge.behaviour}", answers.total() * judge.votes
    longest = answer_limit(judge.settings)
    if price is None or longest is None or any(answered.limit is None for answered in answers):
        return ModelForecast(name, votes, None, None, None)
    template = prompt_text(judge.behaviour, judge.prompt_version)
    usd = {"low": 0.0, "expected": 0.0, "high": 0.0}
    for answered, count in answers.items():
        for assumption in usd:
            text = "x" * _characters(assumption, answered.limit or 0)
            shown = filled(template, conversations[answered.prompt_id], text)
            if assumption == "high":
                each = price.most(most_prompt_tokens([{"role": "user", "content": shown}]), longest)
            else:
                each = price.of(*tokens(assumption, len(shown), longest))
            usd[assumption] += each * count * judge.votes
    return ModelForecast(name, votes, usd["low"], usd["expected"], usd["high"])


def _characters(assumption: str, limit: int) -> int:
    if assumption == "high":
        return limit * LONGEST_TOKEN
    return round(limit * ANSWER_SHARE[assumption] * CHARACTERS_PER_TOKEN[assumption])
