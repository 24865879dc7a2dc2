"""What a row of recorded answers may say, as data: our name of each field, its kind, and the names it goes by."""

from __future__ import annotations

from typing import Literal, NamedTuple

Kind = Literal["text", "json", "whole", "number", "instant"]
Axis = Literal["asked_at", "published_at", "model_version_date"]
Series = Literal["model", "model_family"]


class Field(NamedTuple):
    """One field. `aliases` are names of other sources, read where ours is absent."""

    name: str
    kind: Kind
    doc: str
    aliases: tuple[str, ...] = ()


FIELDS: tuple[Field, ...] = (
    Field("model", "text", "Model that answered, by its full name."),
    Field("model_family", "text", "What the model is a version of."),
    Field("model_version_date", "instant", "Day the version of the model came out."),
    Field("prompt_id", "text", "Prompt within its source; made from the text where absent."),
    Field("prompt", "text", "What was asked, as text.", ("prompt_text",)),
    Field("response", "text", "The answer, verbatim; empty is an empty answer, null is none."),
    Field("sample_idx", "whole", "Repeat of the same model and prompt, from 0; 0 where absent.", ("sample_index",)),
    Field("capability", "text", "One of the five capabilities."),
    Field("category", "text", "Kind of question, in the source's words.", ("family",)),
    Field("system_prompt", "text", "System prompt it was asked under."),
    Field("params", "json", "Request settings.", ("settings",)),
    Field(
        "observed_at", "instant", "When it was asked; without a zone it is taken for UTC.", ("asked_at", "timestamp")
    ),
    Field("published_at", "instant", "When the answer was published."),
    Field("reference", "text", "Reference answer."),
    Field("labels", "json", "What the source says of the answer."),
    Field("source_repo", "text", "Where it was published."),
    Field("source_commit", "text", "Commit of it."),
    Field("source_path", "text", "File in it."),
    Field("licence", "text", "Licence of the answer.", ("license",)),
    Field("status", "text", "What the source says became of the request; mock is no answer."),
    Field("http_code", "whole", "HTTP status.", ("http_status",)),
    Field("latency_s", "number", "From request to answer, seconds."),
)

NAMES: tuple[str, ...] = tuple(field.name for field in FIELDS)

AXIS_FIELDS: dict[Axis, str] = {
    "asked_at": "observed_at",
    "published_at": "published_at",
    "model_version_date": "model_version_date",
}
"""Which field dates a row on each time axis."""

SOURCE_FIELDS = ("source_repo", "source_commit", "source_path", "licence")
"""Provenance that is kept with every answer."""
