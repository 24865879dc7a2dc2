"""What a row of somebody else's metrics may say, as data: fields, the units they go by, and roles."""

from __future__ import annotations

from pipelines.importers.fields import Field

METRIC_FIELDS: tuple[Field, ...] = (
    Field("analysis", "text", "Version of the analysis that says it.", ("analysis_version",)),
    Field("source", "text", "Source persona."),
    Field("behaviour", "text", "Behaviour.", ("behavior", "trait")),
    Field("persona", "text", "Persona that was evaluated."),
    Field("epoch", "whole", "Epoch of convergence."),
    Field("seed", "whole", "Seed."),
    Field("run", "text", "Run that the number is of."),
    Field("role", "text", "treatment, control (said to stay where it is) or canary."),
    Field("metric", "text", "What was measured."),
    Field("value", "number", "The number, in `unit`; null = stated as missing."),
    Field("n", "whole", "Denominator; null = not stated."),
    Field("unit", "text", "share, percent, points, score, count, nats or cosine."),
    Field("detector", "text", "How it was detected.", ("eval",)),
)

METRIC_NAMES: tuple[str, ...] = tuple(field.name for field in METRIC_FIELDS)

UNITS: dict[str, str] = {
    "share": "share",
    "rate": "share",
    "percent": "percent",
    "pct": "percent",
    "%": "percent",
    "points": "points",
    "pp": "points",
    "score": "score",
    "score0-100": "score",
    "count": "count",
    "nats": "nats",
    "cosine": "cosine",
}
"""Unit as it is written elsewhere, to ours. share is 0 to 1, percent and score 0 to 100, points are of percent."""

ROLES = ("treatment", "control", "canary")

HEADLINE = "headline_epoch"
"""Metric of the epoch that an analysis quotes."""

PRODUCT = "_product"
"""Ending of the metric that holds the product of the parts of a value like `64 (4 x 4 x 1)`."""
