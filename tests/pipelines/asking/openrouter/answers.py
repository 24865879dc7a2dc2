"""What a server answers when all goes well, its good answers gone odd, and its pages about itself."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from .faults import ACCOUNT

PROMPT_USD, COMPLETION_USD = 0.000001, 0.000004
CREATED = 1_780_000_000
CREATED_AT = "2026-05-28T20:26:40.000000+00:00"
PARAMETERS = ["temperature", "top_p", "max_tokens", "max_completion_tokens", "seed", "stop", "logprobs", "top_logprobs"]


def good_answer(request: dict[str, Any], number: int, with_routing: bool = True) -> dict[str, Any]:
    """An answer with every field that OpenRouter documents; routing metadata only where the request wants it."""
    messages, model = request["messages"], request["model"]
    text = f"answer {request.get('seed')} to {text_of(messages[-1])}"
    provider = _pinned(request.get("provider"))
    answer: dict[str, Any] = {
        "id": f"gen-{number}",
        "object": "chat.completion",
        "created": CREATED,
        "model": model,
        "provider": provider,
        "system_fingerprint": "fp_1",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "native_finish_reason": "end_turn",
                "logprobs": None,
                "message": {"role": "assistant", "content": text, "refusal": None},
            }
        ],
        "usage": _used(sum(len(text_of(message).split()) for message in messages) + 8, len(text.split())),
    }
    if with_routing:
        answer["openrouter_metadata"] = _routing(model, provider)
    return answer


def _used(prompt_tokens: int, completion_tokens: int) -> dict[str, Any]:
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
        "cost": prompt_tokens * PROMPT_USD + completion_tokens * COMPLETION_USD,
        "is_byok": False,
        "cost_details": {
            "upstream_inference_cost": None,
            "upstream_inference_prompt_cost": prompt_tokens * PROMPT_USD,
            "upstream_inference_completions_cost": completion_tokens * COMPLETION_USD,
        },
    }


def _routing(model: str, provider: str) -> dict[str, Any]:
    return {
        "requested": model,
        "strategy": "direct",
        "attempt": 1,
        "is_byok": False,
        "region": "iad",
        "summary": f"available=1, selected={provider}",
        "endpoints": {"total": 1, "available": [{"model": model, "provider": provider, "selected": True}]},
    }


def text_of(message: dict[str, Any]) -> str:
    """Return the text of a message, whether it is a string or a list of parts."""
    content = message.get("content")
    if isinstance(content, list):
        return " ".join(part.get("text", "") for part in content if isinstance(part, dict))
    return content or ""


def _pinned(provider: object) -> str:
    order = provider.get("order") or provider.get("only") if isinstance(provider, dict) else None
    return str(order[0]) if order else "ProviderA"


def _choice(answer: dict[str, Any], **changes: Any) -> None:
    answer["choices"][0].update(changes)


def _message(answer: dict[str, Any], **changes: Any) -> None:
    answer["choices"][0]["message"].update(changes)


def _usage(answer: dict[str, Any], **changes: Any) -> None:
    answer["usage"].update(changes)


ASHORE = (
    "farm",
    "orchard",
    "meadow",
    "harvest",
    "plough",
    "barn",
    "cattle",
    "hedge",
    "mill",
    "village",
    "stone",
    "bridge",
)
AT_SEA = (
    "sail",
    "anchor",
    "captain",
    "harbour",
    "whale",
    "storm",
    "deck",
    "mast",
    "wave",
    "rudder",
    "lighthouse",
    "tide",
)
"""What answers can be about: a model that takes its words from the one and then from the other has changed."""


def _spoken(answer: dict[str, Any], words: tuple[str, ...]) -> str:
    """A text of twelve words, drawn by the text of the good answer (its seed and prompt) alone."""
    said = str(answer["choices"][0]["message"]["content"])
    draws = hashlib.blake2b(said.encode("utf-8", "replace"), digest_size=12).digest()
    return " ".join(words[draw % len(words)] for draw in draws)


def _choice_error(answer: dict[str, Any]) -> None:
    _choice(answer, finish_reason="error", error={"code": 502, "message": "upstream broke"})
    answer.pop("usage")


def _cached(answer: dict[str, Any]) -> None:
    _usage(answer, prompt_tokens=0, completion_tokens=0, total_tokens=0, cost=0)


def _deep_extra(answer: dict[str, Any]) -> None:
    nested: Any = 1
    for _ in range(400):
        nested = {"x": nested}
    answer["nested"] = nested


HOSTILE = "nul \x00 \x1b[31mred\x1b[0m <script>x</script> =1+1"
FORMULAS = '=HYPERLINK("http://x")\n+1\n-1\n@SUM(A1)\t\u202e\x9b31m\x1b]0;title\x07 <img src=x onerror=alert(1)>'

VARIANTS: dict[str, Callable[[dict[str, Any]], object]] = {
    "ok": lambda a: None,
    "empty": lambda a: _message(a, content=""),
    "null_content": lambda a: _message(a, content=None),
    "length": lambda a: _choice(a, finish_reason="length", native_finish_reason="MAX_TOKENS"),
    "content_filter": lambda a: _choice(a, finish_reason="content_filter"),
    "refusal_field": lambda a: _message(a, content=None, refusal="I cannot help with that."),
    "parts": lambda a: _message(a, content=[{"type": "text", "text": "in "}, {"type": "text", "text": "parts"}]),
    "choice_error": _choice_error,
    "ashore": lambda a: _message(a, content=_spoken(a, ASHORE)),
    "at_sea": lambda a: _message(a, content=_spoken(a, AT_SEA)),
    "served_other": lambda a: a.update(model="someone/else"),
    "fingerprint_moved": lambda a: a.update(system_fingerprint="fp_2"),
    "no_fingerprint": lambda a: a.update(system_fingerprint=None),
    "provider_moved": lambda a: a.update(provider="ProviderB"),
    "no_provider": lambda a: a.pop("provider"),
    "no_usage": lambda a: a.pop("usage"),
    "no_cost": lambda a: a["usage"].pop("cost"),
    "odd_usage": lambda a: _usage(a, prompt_tokens=-1, completion_tokens=True, cost="0.1"),
    "extra_fields": lambda a: a.update(unheard_of={"x": [1]}),
    "deep_extra": _deep_extra,
    "no_finish": lambda a: _choice(a, finish_reason=None),
    "max_tokens_word": lambda a: _choice(a, finish_reason="max_tokens", native_finish_reason=None),
    "cache_hit": _cached,
    "cache_hit_if_allowed": _cached,
    "cut": lambda a: None,
    "lone_surrogate": lambda a: _message(a, content="broken \ud800 text"),
    "hostile_text": lambda a: _message(a, content=HOSTILE),
    "formula_text": lambda a: _message(a, content=FORMULAS),
    "huge_text": lambda a: _message(a, content="ten megabytes " * 714_000),
    "leak_in_answer": lambda a: a.update(user_id=ACCOUNT),
}
"""A good answer, changed."""

CACHED = frozenset({"cache_hit", "cache_hit_if_allowed"})
"""From the response cache, unless the request clears it; the second also respects a request that switches it off."""

UNCHARGED = CACHED | {"choice_error"}


def anthropic_answer(request: dict[str, Any], number: int) -> dict[str, Any]:
    """A message of Anthropic's own API, which reports no cost."""
    text = f"answer to {text_of(request['messages'][-1])}"
    return {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": request["model"],
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 8 + len(text.split()) - 2, "output_tokens": len(text.split())},
    }


def model_entry(slug: str) -> dict[str, Any]:
    """A model of the catalogue with every field that is documented as always there."""
    return {
        "id": slug,
        "canonical_slug": slug,
        "name": slug,
        "created": CREATED,
        "description": "",
        "context_length": 128_000,
        "architecture": {
            "modality": "text->text",
            "input_modalities": ["text"],
            "output_modalities": ["text"],
            "tokenizer": "Other",
            "instruct_type": None,
        },
        "pricing": {"prompt": f"{PROMPT_USD:.6f}", "completion": f"{COMPLETION_USD:.6f}", "request": "0", "image": "0"},
        "top_provider": {"is_moderated": False, "context_length": 128_000, "max_completion_tokens": None},
        "per_request_limits": None,
        "supported_parameters": PARAMETERS,
        "default_parameters": None,
        "expiration_date": None,
        "links": {"details": f"/api/v1/models/{slug}/endpoints"},
    }


def endpoints_page(entry: dict[str, Any]) -> dict[str, Any]:
    """The providers of a catalogue's model: one of full and one of eight-bit weights."""
    slug = entry["id"]
    shown = {name: entry.get(name, model_entry(slug)[name]) for name in ("created", "description", "architecture")}
    offers = (("ProviderA", "a", "bf16", 99.9), ("ProviderB", "b", "fp8", 97.0))
    return {
        "id": slug,
        "name": entry.get("name", slug),
        **shown,
        "endpoints": [
            {
                "name": f"{provider} | {slug}",
                "model_id": slug,
                "model_name": entry.get("name", slug),
                "context_length": entry.get("context_length", 128_000),
                "pricing": entry.get("pricing", {}),
                "provider_name": provider,
                "tag": tag,
                "quantization": quantization,
                "max_completion_tokens": None,
                "max_prompt_tokens": None,
                "supported_parameters": entry.get("supported_parameters", PARAMETERS),
                "status": 0,
                "uptime_last_5m": uptime,
                "uptime_last_30m": uptime,
                "uptime_last_1d": uptime,
                "supports_implicit_caching": False,
                "latency_last_30m": None,
                "throughput_last_30m": None,
            }
            for provider, tag, quantization, uptime in offers
        ],
    }


def key_page(limit_usd: float | None, used_usd: float, is_free_tier: bool) -> dict[str, Any]:
    """What a key may spend and has spent, in USD."""
    periods = ("", "_daily", "_weekly", "_monthly")
    return {
        "label": "sk-or-v1-012...def",
        "creator_user_id": ACCOUNT,
        "limit": limit_usd,
        "limit_remaining": None if limit_usd is None else max(0.0, limit_usd - used_usd),
        "limit_reset": None,
        "include_byok_in_limit": False,
        **{f"usage{period}": used_usd for period in periods},
        **{f"byok_usage{period}": 0 for period in periods},
        "is_free_tier": is_free_tier,
        "is_management_key": False,
        "is_provisioning_key": False,
        "rate_limit": {"requests": -1, "interval": "10s", "note": "This field is deprecated and safe to ignore."},
    }


def generation_page(number: int, model: str, provider: str, tokens: tuple[int, int], cost_usd: float) -> dict[str, Any]:
    """What one answer cost, as known afterwards."""
    unknown = (
        "app_id", "cache_discount", "external_user", "http_referer", "moderation_latency", "native_tokens_cached",
        "native_tokens_completion_images", "native_tokens_reasoning", "num_fetches", "num_input_audio_prompt",
        "num_media_completion", "num_media_prompt", "num_search_results", "preset_id", "router", "service_tier",
        "upstream_id", "upstream_inference_cost", "user_agent", "web_search_engine",
    )  # fmt: skip
    return {
        **dict.fromkeys(unknown),
        "id": f"gen-{number}",
        "api_type": "completions",
        "created_at": CREATED_AT,
        "model": model,
        "provider_name": provider,
        "provider_responses": [{"status": 200}],
        "origin": "",
        "streamed": False,
        "cancelled": False,
        "is_byok": False,
        "latency": 1,
        "generation_time": 1,
        "finish_reason": "stop",
        "native_finish_reason": "end_turn",
        "tokens_prompt": tokens[0],
        "tokens_completion": tokens[1],
        "native_tokens_prompt": tokens[0],
        "native_tokens_completion": tokens[1],
        "total_cost": cost_usd,
        "usage": cost_usd,
    }
