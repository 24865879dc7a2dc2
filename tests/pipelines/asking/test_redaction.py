"""No secret and no account id leaves the asking code; ordinary text does, verbatim."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.asking.redaction import SHAPES, Redactor

ACCOUNT = "user_2abCDefGHijKLmnOPqrSTuvWXyz"
FOREIGN_KEY = "sk-proj-AbCdEf0123456789AbCdEf0123456789"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(f"bad key {FOREIGN_KEY}.", "bad key [redacted key].", id="openai-key"),
        pytest.param("sk-or-v1-0123456789abcdef0123", "[redacted key]", id="openrouter-key"),
        pytest.param("Authorization: Bearer abc123def456ghi789", "Authorization: [redacted key]", id="bearer"),
        pytest.param(f'"user_id":"{ACCOUNT}"', '"user_id":"[redacted account]"', id="account"),
        pytest.param("org-A1b2C3d4E5f6G7h8", "[redacted account]", id="organisation"),
        pytest.param("org-AbCdEfGhIjKlMnOpQr", "[redacted account]", id="account-without-a-digit"),
        pytest.param("my-own-key-4!", "[redacted key]", id="key-in-use"),
        pytest.param("a\ud800b", "a\ufffdb", id="lone-surrogate"),
    ],
)
def test_secrets_are_replaced(text, expected):
    assert Redactor("my-own-key-4!").text(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Use the sk-learn library; set user_name and org-mode.",
        "A bearer of bad news; the ring bearer's journey was long.",
        "user_authentication_middleware_configuration = organization-wide",
        "Bearer bonds were issued in 1998.",
        "class user_AuthenticationMiddleware(org_ContentManagementSystem): ...",
        r"Write \u0041 for A, \/ for a slash and \n for a line break.",
    ],
)
def test_ordinary_text_is_kept_verbatim(text):
    assert Redactor("my-own-key-4!").text(text) == text


PIECES = ("user", "org", "acct", "proj", "sk", "rk", "pk", "hf", "gsk", "xai", "ghp", "r8", "AIza", "bearer ")


@given(
    st.lists(
        st.sampled_from(PIECES) | st.sampled_from('-_ ."') | st.text("aZ09_-", min_size=10, max_size=40), max_size=8
    )
)
def test_the_quick_look_misses_nothing_that_a_shape_finds(pieces):
    text = expected = "".join(pieces)
    for shape in SHAPES:
        expected = shape.pattern.sub(shape.replacement, expected)
    assert Redactor(None).text(text) == expected


@pytest.mark.parametrize(("shape", "example"), [
    (0, "sk-" + "a" * 16), (0, "rk_" + "a" * 16), (0, "pk_" + "-" * 16), (1, "hf_" + "a" * 20), (1, "gsk_" + "a" * 20),
    (1, "xai-" + "a" * 20), (1, "ghp_" + "a" * 20), (1, "r8_" + "a" * 20), (2, "AIza" + "a" * 30),
    (3, "bEaReR 0" + "a" * 11), (4, "user_0" + "a" * 11), (4, "org-0" + "a" * 11), (4, "acct_0" + "a" * 11),
    (4, "proj_0" + "a" * 11),
])  # fmt: skip
def test_the_shortest_secret_of_each_shape_is_seen(shape, example):
    assert Redactor(None).text(example) == SHAPES[shape].replacement


ESCAPED = [
    pytest.param(r'{"note": "\u0073k-or-v1-0123456789abcdef0123"}', id="code-points"),
    pytest.param(r'{"note": "Bearer abc1\/def2\/ghi3\/jkl"}', id="slashes"),
    pytest.param(r'{"note": "my-own-key\u002d4!"}', id="key-in-use"),
    pytest.param(r'{"note": "in\nsk-or-v1-0123456789abcdef0123"}', id="after-a-line-break"),
    pytest.param(r'{"note": "in\u000ask-or-v1-0123456789abcdef0123"}', id="after-a-line-break-by-number"),
    pytest.param(r'{"note": "Bearer\nabc123def456ghi789"}', id="with-a-line-break-inside"),
    pytest.param(r'{"raw": "{\"note\": \"\\u0073k-or-v1-0123456789abcdef0123\"}"}', id="json-in-json"),
    pytest.param(r'{"raw": "{\"note\": \"\u005cu0073k-or-v1-0123456789abcdef0123\"}"}', id="escaped-backslash"),
]


def strings(value):
    """Every string in JSON, in the JSON of its strings too."""
    if isinstance(value, dict | list):
        return [text for item in (value.values() if isinstance(value, dict) else value) for text in strings(item)]
    try:
        return strings(json.loads(value))
    except ValueError:
        return [value]


@pytest.mark.parametrize("raw", ESCAPED)
def test_a_secret_behind_json_escapes_is_found_and_the_body_stays_json(raw):
    [note] = strings(json.loads(Redactor("my-own-key-4!").text(raw)))
    assert note.replace("in\n", "") == "[redacted key]"


def test_a_secret_in_json_within_json_within_json_is_found():
    raw = json.dumps({"raw": json.dumps({"raw": json.dumps({"a": "<k>"})})}).replace(
        "<k>", "\\" * 8 + "u0073k-" + "a" * 20
    )
    assert strings(json.loads(Redactor(None).text(raw))) == ["[redacted key]"]


@pytest.mark.parametrize("raw", [
    r'{"note":  "\u0041 \ud83d\ude00 a\/b \u0022q\u0022"}', r'{"raw":  "{\"a\":  \"\\u0041 \\/\"}"}',
])  # fmt: skip
def test_a_body_with_harmless_escapes_is_kept_byte_for_byte(raw):
    assert Redactor("my-own-key-4!").text(raw) == raw


@pytest.mark.parametrize("piece", ["\\", "\\u005c", "bearer" + "\\n" * 3000, "user_aB", "sk-"])
def test_a_body_made_to_be_slow_to_read_is_read_at_once(piece):
    raw = piece * (600_000 // len(piece)) + "\\/"
    assert Redactor(None).text(raw).endswith("\\/")


@pytest.mark.parametrize("key", ["ollama", "EMPTY", "none", "sk-local", "k1"])
def test_a_key_too_short_to_be_secret_leaves_answers_as_they_are(key):
    assert Redactor(key).text(f"Run {key} serve.") == f"Run {key} serve."


@pytest.mark.parametrize("key", ["abcdefg8", "abcdefghijklmnop"])
def test_the_shortest_key_that_is_secret_is_replaced(key):
    assert Redactor(key).text(f"Run {key} serve.") == "Run [redacted key] serve."


def test_the_repr_shows_no_secret():
    assert "my-own-key" not in repr(Redactor("my-own-key-4!"))


ERROR_WITH_SECRETS = {
    "error": {
        "code": 500,
        "message": f"internal: Bearer abc123def456ghi789 of {ACCOUNT}",
        "metadata": {"raw": FOREIGN_KEY, "provider_name": f"P {ACCOUNT}"},
    }
}


@pytest.mark.parametrize("status", [200, 400, 401, 402, 403, 404, 429, 500])
def test_no_secret_of_headers_bodies_or_errors_comes_out(server, ask, questions, key, dump, status):
    body = json.loads(json.dumps(ERROR_WITH_SECRETS))
    body["error"] |= {"code": status, "message": f"{body['error']['message']} key {key}"}
    body |= {"id": key, "model": ACCOUNT, "system_fingerprint": key}
    headers = {"X-Echo": key, "Content-Type": f"application/json; x={key}", "Retry-After": "1"}
    server.control(always={"a/one": {"status": status, "body": body, "headers": headers}})
    out = dump(ask(questions(["a/one"])))
    for secret in (key, ACCOUNT, FOREIGN_KEY, "abc123def456ghi789"):
        assert secret not in out
    assert "[redacted" in out


def test_a_secret_in_an_answer_or_an_html_page_comes_out_redacted(server, ask, questions, key, dump):
    answer = {"choices": [{"message": {"content": f"your key is {key}"}, "finish_reason": f"x {key}"}]}
    page = {"status": 200, "body": f"<html>{key}</html>", "headers": {"Content-Type": f"text/html; k={key}"}}
    server.control(plans={"a/one": [page, {"body": answer}]})
    asked = ask(questions(["a/one"]))
    assert asked.attempts[-1].response_text == "your key is [redacted key]"
    assert key not in dump(asked)
