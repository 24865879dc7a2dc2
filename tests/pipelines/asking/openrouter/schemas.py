"""The published shapes of OpenRouter's requests and pages, as JSON Schema, as far as a client can meet them.

Source: OpenRouter's OpenAPI description (components ChatRequest, ChatResult, ChatUsage, OpenRouterMetadata, Model,
ListEndpointsResponse, GenerationResponse, and the response of GET /key), summer 2026. Beyond it: the length limits
that the description only gives in words, `provider` and `choices[].error` of real answers, and the older request
fields `usage` and `transforms`, which the description no longer lists. Unknown fields are allowed, as there.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
BOOL: Schema = {"type": "boolean"}
COUNT: Schema = {"type": "integer", "minimum": 0}
USD: Schema = {"type": "number", "minimum": 0}
NUMBER: Schema = {"type": "number"}
PRICE: Schema = {"type": "string", "pattern": r"^-?\d+(\.\d+)?(e-?\d+)?$"}


def nullable(schema: Schema) -> Schema:
    """The same, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def record(required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    """An object with these fields, and any others."""
    return {"type": "object", "required": list(required), "properties": required | (optional or {})}


def listed(items: Schema, **more: Any) -> Schema:
    """An array of one kind of thing."""
    return {"type": "array", "items": items, **more}


def between(low: float, high: float) -> Schema:
    """A number in a range, or null."""
    return nullable({"type": "number", "minimum": low, "maximum": high})


PARTS = listed(record({"type": TEXT}))

MESSAGE: Schema = {
    "oneOf": [
        record({"role": {"enum": ["system", "user", "developer"]}, "content": {"anyOf": [TEXT, PARTS]}}),
        record({"role": {"const": "assistant"}}, {"content": {"anyOf": [TEXT, PARTS, {"type": "null"}]}}),
        record({"role": {"const": "tool"}, "content": {"anyOf": [TEXT, PARTS]}, "tool_call_id": TEXT}),
    ]
}

PROVIDER_PREFERENCES = record(
    {},
    {
        **{name: nullable(listed(TEXT)) for name in ("order", "only", "ignore")},
        **{name: nullable(BOOL) for name in ("allow_fallbacks", "require_parameters", "zdr")},
        "data_collection": {"enum": ["allow", "deny", None]},
        "quantizations": nullable(
            listed({"enum": ["int4", "int8", "fp4", "fp6", "fp8", "fp16", "bf16", "fp32", "unknown"]})
        ),
        "sort": {"anyOf": [{"enum": ["price", "throughput", "latency", "exacto", None]}, {"type": "object"}]},
        "max_price": {"type": "object"},
    },
)

EFFORTS = ["max", "xhigh", "high", "medium", "low", "minimal", "none", None]

CHAT_REQUEST = record(
    {"messages": listed(MESSAGE, minItems=1)},
    {
        "model": TEXT,
        "models": listed(TEXT),
        "frequency_penalty": between(-2, 2),
        "presence_penalty": between(-2, 2),
        "repetition_penalty": nullable(NUMBER),
        "temperature": between(0, 2),
        "top_p": between(0, 1),
        "top_a": nullable(NUMBER),
        "min_p": nullable(NUMBER),
        "top_k": nullable({"type": "integer"}),
        "logit_bias": nullable({"type": "object", "additionalProperties": NUMBER}),
        "logprobs": nullable(BOOL),
        "top_logprobs": nullable({"type": "integer", "minimum": 0, "maximum": 20}),
        "max_tokens": nullable({"type": "integer", "minimum": 1}),
        "max_completion_tokens": nullable({"type": "integer", "minimum": 1}),
        "seed": nullable({"type": "integer"}),
        "stop": {"anyOf": [TEXT, listed(TEXT, maxItems=4), {"type": "null"}]},
        "stream": BOOL,
        "metadata": {"type": "object", "maxProperties": 16, "additionalProperties": {"type": "string"}},
        "provider": nullable(PROVIDER_PREFERENCES),
        "reasoning": record({}, {"effort": {"enum": EFFORTS}, "max_tokens": nullable({"type": "integer"})}),
        "reasoning_effort": {"enum": EFFORTS},
        "plugins": listed(record({"id": TEXT})),
        "response_format": record({"type": TEXT}),
        "session_id": {"type": "string", "maxLength": 256},
        "service_tier": {"enum": ["auto", "default", "fast", "flex", "priority", "scale", None]},
        "user": TEXT,
        "transforms": nullable(listed(TEXT)),
        "usage": record({}, {"include": BOOL}),
    },
)

CHAT_USAGE = record(
    {"prompt_tokens": COUNT, "completion_tokens": COUNT, "total_tokens": COUNT},
    {
        "cost": nullable(USD),
        "is_byok": BOOL,
        "cost_details": nullable(
            record(
                {"upstream_inference_prompt_cost": USD, "upstream_inference_completions_cost": USD},
                {"upstream_inference_cost": nullable(USD)},
            )
        ),
        "prompt_tokens_details": nullable(record({}, {"cached_tokens": COUNT, "audio_tokens": COUNT})),
        "completion_tokens_details": nullable(record({}, {"reasoning_tokens": nullable(COUNT)})),
    },
)

ROUTER_METADATA = record(
    {
        "requested": TEXT,
        "strategy": TEXT,
        "attempt": {"type": "integer"},
        "is_byok": BOOL,
        "region": nullable(TEXT),
        "summary": TEXT,
        "endpoints": record(
            {"total": COUNT, "available": listed(record({"model": TEXT, "provider": TEXT, "selected": BOOL}))}
        ),
    }
)

CHAT_RESULT = record(
    {
        "id": TEXT,
        "object": {"const": "chat.completion"},
        "created": {"type": "integer"},
        "model": TEXT,
        "system_fingerprint": nullable(TEXT),
        "choices": listed(
            record(
                {
                    "index": {"type": "integer"},
                    "finish_reason": {"enum": ["tool_calls", "stop", "length", "content_filter", "error", None]},
                    "message": record(
                        {"role": {"const": "assistant"}},
                        {"content": {"anyOf": [TEXT, PARTS, {"type": "null"}]}, "refusal": nullable(TEXT)},
                    ),
                },
                {"logprobs": nullable({"type": "object"}), "native_finish_reason": nullable(TEXT)},
            ),
            minItems=1,
        ),
    },
    {"usage": CHAT_USAGE, "openrouter_metadata": ROUTER_METADATA, "provider": TEXT},
)

ERROR_RESPONSE = record(
    {"error": record({"code": {"type": "integer"}, "message": TEXT}, {"metadata": nullable({"type": "object"})})},
    {"user_id": nullable(TEXT)},
)

PRICING = record({"prompt": PRICE, "completion": PRICE}, {"request": PRICE, "image": PRICE})
ARCHITECTURE = record({"modality": nullable(TEXT), "input_modalities": listed(TEXT), "output_modalities": listed(TEXT)})

MODEL = record(
    {
        "id": TEXT,
        "canonical_slug": TEXT,
        "name": TEXT,
        "created": {"type": "integer"},
        "context_length": nullable(COUNT),
        "architecture": ARCHITECTURE,
        "pricing": PRICING,
        "top_provider": record({"is_moderated": BOOL}),
        "per_request_limits": nullable({"type": "object"}),
        "supported_parameters": listed(TEXT),
        "default_parameters": nullable({"type": "object"}),
        "links": record({"details": TEXT}),
    },
    {
        "description": TEXT,
        "expiration_date": nullable({"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}"}),
        "alias_target": nullable(record({"slug": TEXT, "name": TEXT})),
    },
)

MODELS_PAGE = record({"data": listed(MODEL)})

ENDPOINT = record(
    {
        "name": TEXT,
        "model_id": TEXT,
        "model_name": TEXT,
        "context_length": COUNT,
        "pricing": PRICING,
        "provider_name": TEXT,
        "tag": TEXT,
        "quantization": nullable(TEXT),
        "max_completion_tokens": nullable(COUNT),
        "max_prompt_tokens": nullable(COUNT),
        "supported_parameters": listed(TEXT),
        "supports_implicit_caching": BOOL,
        "latency_last_30m": nullable({"type": "object"}),
        "throughput_last_30m": nullable({"type": "object"}),
        "uptime_last_5m": nullable(NUMBER),
        "uptime_last_30m": nullable(NUMBER),
        "uptime_last_1d": nullable(NUMBER),
    },
    {"status": {"enum": [0, -1, -2, -3, -5, -10]}},
)

ENDPOINTS_PAGE = record(
    {
        "data": record(
            {
                "id": TEXT,
                "name": TEXT,
                "created": {"type": "integer"},
                "description": TEXT,
                "architecture": ARCHITECTURE,
                "endpoints": listed(ENDPOINT),
            }
        )
    }
)

_PERIODS = ("", "_daily", "_weekly", "_monthly")

KEY_PAGE = record(
    {
        "data": record(
            {
                "label": TEXT,
                "creator_user_id": nullable(TEXT),
                "limit": nullable(USD),
                "limit_remaining": nullable(USD),
                "limit_reset": nullable(TEXT),
                "include_byok_in_limit": BOOL,
                **{f"usage{period}": USD for period in _PERIODS},
                **{f"byok_usage{period}": USD for period in _PERIODS},
                "is_free_tier": BOOL,
                "is_management_key": BOOL,
                "is_provisioning_key": BOOL,
                "rate_limit": record({"requests": NUMBER, "interval": TEXT, "note": TEXT}),
            }
        )
    }
)

GENERATION_PAGE = record(
    {
        "data": record(
            {
                "id": TEXT,
                "model": TEXT,
                "created_at": TEXT,
                "total_cost": USD,
                "usage": USD,
                "is_byok": BOOL,
                "streamed": nullable(BOOL),
                "cancelled": nullable(BOOL),
                "provider_name": nullable(TEXT),
                "provider_responses": nullable(listed(record({"status": nullable({"type": "integer"})}))),
                "api_type": nullable(TEXT),
                "origin": TEXT,
                "latency": nullable(NUMBER),
                "generation_time": nullable(NUMBER),
                "finish_reason": nullable(TEXT),
                "native_finish_reason": nullable(TEXT),
                **{
                    name: nullable(COUNT)
                    for name in (
                        "tokens_prompt", "tokens_completion", "native_tokens_prompt", "native_tokens_completion",
                        "native_tokens_reasoning", "native_tokens_cached", "native_tokens_completion_images",
                        "num_media_prompt", "num_media_completion", "num_search_results", "num_input_audio_prompt",
                    )
                },
                **{
                    name: nullable(NUMBER)
                    for name in ("app_id", "cache_discount", "moderation_latency", "upstream_inference_cost")
                },
                **{
                    name: nullable(TEXT)
                    for name in (
                        "external_user", "http_referer", "router", "upstream_id", "user_agent", "web_search_engine",
                    )
                },
            }
        )
    }
)  # fmt: skip
