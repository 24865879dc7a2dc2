"""Settings that a panel may not make, and prices that it declares: found when it is loaded, with line and remedy."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from lake.errors import PanelError
from pipelines.panels.files import load_panel
from pipelines.panels.records import DeclaredPrice
from pipelines.panels.settings import refusal

Plant = Callable[[str, str], Path]

SECOND = "settings: {temperature: 0.0}"
"""The settings of org/two, on line 21 of the small panel; those of all models are on line 8."""


@pytest.mark.parametrize(
    "name", ["model", "messages", "stream", "n", "usage", "transforms", "plugins", "models", "fallbacks"]
)
def test_a_setting_that_is_driftlakes_is_refused_where_it_stands(plant_in_panel: Plant, name: str) -> None:
    path = plant_in_panel(SECOND, f"settings: {{temperature: 0.0, {name}: 2}}")
    with pytest.raises(PanelError, match=rf"small\.yaml:21: 'org/two': `{name}` is set by driftlake itself") as caught:
        load_panel(path)
    assert caught.value.remedy == "Take it out of the settings."


def test_a_setting_that_all_models_get_is_refused_where_all_get_it(plant_in_panel: Plant) -> None:
    path = plant_in_panel("max_tokens: 64", "max_tokens: 64, stream: true")
    with pytest.raises(PanelError, match=r"small\.yaml:8: 'org/one': `stream` is set by driftlake itself"):
        load_panel(path)


def test_the_settings_of_weights_asked_in_process_are_not_those_of_a_server(plant_in_panel: Plant) -> None:
    path = plant_in_panel("    persona: villain", "    persona: villain\n    settings: {provider: none}")
    assert load_panel(path).entry("lab/villain").settings["provider"] == "none"


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"provider": {"order": ["OpenAI"], "allow_fallbacks": True}}, "pins by `order` and allows fallbacks"),
        ({"provider": {"only": ["OpenAI"], "allow_fallbacks": True}}, "pins by `only` and allows fallbacks"),
        ({"provider": {"order": ["OpenAI"], "sort": "price"}}, "has both `order` and `sort`"),
        ({"provider": {"order": ["OpenAI"], "ignore": ["openai"]}}, "pins and ignores 'openai'"),
        ({"provider": {"order": ["OpenAI"], "only": ["Azure"]}}, "orders 'openai', which `only` excludes"),
        ({"provider": {"orders": ["OpenAI"]}}, "has an unknown key 'orders'"),
        ({"provider": []}, "is empty"),
        ({"provider": 3}, "`provider` is 3"),
        ({"max_tokens": "64"}, "`max_tokens` is '64'"),
        ({"max_completion_tokens": 0}, "`max_completion_tokens` is 0"),
    ],
)
def test_what_contradicts_the_pin_or_bounds_nothing_is_refused(settings: dict[str, object], problem: str) -> None:
    refused = refusal(settings, "openrouter")
    assert refused is not None
    assert problem in refused.problem
    assert refused.remedy


@pytest.mark.parametrize(
    "provider",
    [
        "OpenAI",
        ["OpenAI", "Azure"],
        {"order": ["OpenAI"], "allow_fallbacks": False, "require_parameters": True},
        {"only": ["OpenAI", "Azure"], "order": ["Azure"], "quantizations": ["bf16"]},
        {"sort": "price", "max_price": {"prompt": 1}},
        {"allow_fallbacks": True},
        None,
    ],
)
def test_a_pin_without_contradiction_is_accepted(provider: object) -> None:
    assert refusal({"provider": provider, "max_tokens": 64, "temperature": None}, "openrouter") is None


@pytest.mark.parametrize(
    ("flavor", "settings", "problem"),
    [
        ("anthropic", {}, "answers no request without `max_tokens`"),
        ("anthropic", {"max_tokens": 64, "seed": 1}, "takes no `seed`"),
        ("anthropic", {"max_tokens": 64, "system": "Be brief."}, "`system` is set by driftlake"),
        ("ollama", {"options": {"num_ctx": 8192}}, "Ollama ignores `options`"),
        ("ollama", {"num_ctx": 8192}, "Ollama ignores `num_ctx`"),
        ("openai", {"provider": "OpenAI"}, "this endpoint is none"),
        (None, {"provider": "OpenAI"}, "this endpoint is none"),
    ],
)
def test_what_a_flavor_would_ignore_or_refuse_is_found_before_it_is_asked(
    flavor: str | None, settings: dict[str, object], problem: str
) -> None:
    refused = refusal(settings, flavor)
    assert refused is not None
    assert problem in refused.problem


def test_a_model_of_anthropic_without_max_tokens_is_told_its_line(plant_in_panel: Plant, panel: Path) -> None:
    text = plant_in_panel(", max_tokens: 64", "").read_text()
    panel.write_text(text.replace("kind: openai_compatible", "kind: openai_compatible\n    flavor: anthropic"))
    with pytest.raises(PanelError, match=r"small\.yaml:18: 'org/one': Anthropic answers no request without"):
        load_panel(panel)


def test_a_declared_price_is_read_and_changes_no_question(plant_in_panel: Plant, panel: Path) -> None:
    before = load_panel(panel).sha
    price = "price: {prompt_usd_per_million: 2.5, completion_usd_per_million: 10}"
    loaded = load_panel(plant_in_panel(SECOND, f"{SECOND}\n    {price}"))
    assert loaded.entry("org/two").price == DeclaredPrice(2.5, 10.0)
    assert loaded.entry("org/one").price is None
    assert loaded.sha == before


@pytest.mark.parametrize(
    ("price", "problem"),
    [
        ("{prompt_usd_per_million: 2.5}", "the key 'completion_usd_per_million' is missing"),
        ("{prompt_usd_per_million: -1, completion_usd_per_million: 1}", "greater than or equal to 0"),
        ("{prompt_usd_per_million: .inf, completion_usd_per_million: 1}", "finite number"),
        ("{prompt_usd_per_million: '1', completion_usd_per_million: 1}", "should be a number, not '1'"),
        ("{prompt: 1, completion: 1}", "unknown key 'prompt'"),
        ("2.5", "should be made of `key: value`"),
    ],
)
def test_a_price_is_two_numbers_and_nothing_else(plant_in_panel: Plant, price: str, problem: str) -> None:
    path = plant_in_panel(SECOND, f"{SECOND}\n    price: {price}")
    with pytest.raises(PanelError, match=re.escape(problem)) as caught:
        load_panel(path)
    assert str(caught.value).startswith(f"{path}:2")


def test_weights_asked_in_process_have_no_price(plant_in_panel: Plant) -> None:
    price = "price: {prompt_usd_per_million: 1, completion_usd_per_million: 1}"
    path = plant_in_panel("    persona: villain", f"    persona: villain\n    {price}")
    with pytest.raises(PanelError, match=r"'lab/villain' has a price, but 'bench' answers in process"):
        load_panel(path)
