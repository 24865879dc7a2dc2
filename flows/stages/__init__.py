"""One wave, stage by stage, as plain functions. Each is safe to run twice and returns what it did, in one sentence.

The order lives in `flows.nightly`; tests call these without Prefect.
"""

from flows.stages.asking import Asked, ask_endpoint, how_far, unanswered
from flows.stages.checkpoints import evaluate_checkpoints, find_checkpoints, prepare_laboratory, uses_laboratory
from flows.stages.confirming import (
    alarms_to_confirm,
    begun_confirmation,
    decide_confirmation,
    is_confirmed,
    note_trouble,
    wanted_confirmation,
)
from flows.stages.enriching import enrich_wave, load_judgements, plan_judging
from flows.stages.loading import go_on_with_lake, load_wave, register_plan, set_status
from flows.stages.publishing import audit_wave, draw_page, model_waves, publish_wave, quarantine_wave

__all__ = [
    "Asked",
    "alarms_to_confirm",
    "ask_endpoint",
    "audit_wave",
    "begun_confirmation",
    "decide_confirmation",
    "draw_page",
    "enrich_wave",
    "evaluate_checkpoints",
    "find_checkpoints",
    "go_on_with_lake",
    "how_far",
    "is_confirmed",
    "load_judgements",
    "load_wave",
    "model_waves",
    "note_trouble",
    "plan_judging",
    "prepare_laboratory",
    "publish_wave",
    "quarantine_wave",
    "register_plan",
    "set_status",
    "unanswered",
    "uses_laboratory",
    "wanted_confirmation",
]
