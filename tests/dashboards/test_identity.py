"""What changed between two identities, in words."""

from __future__ import annotations

import json

import pytest

from dashboards.identity import change


def identity(*served):
    names = ("model_served", "provider_served", "system_fingerprint")
    return json.dumps([dict(zip(names, one, strict=True)) for one in served])


@pytest.mark.parametrize(
    ("then", "now", "words"),
    [
        pytest.param([("m", None, None)], [("m", None, None)], [], id="nothing"),
        pytest.param([("m-1", "x", None)], [("m-2", "x", None)], ["served model m-1 became m-2"], id="model"),
        pytest.param(
            [("m", "x", None)], [("m", "y", "f")], ["provider x became y", "fingerprint none became f"], id="two"
        ),
        pytest.param(
            [("m", None, "base:aa+adapter:none+template:cc")],
            [("m", None, "base:aa+adapter:bb+template:cc")],
            ["adapter none became bb"],
            id="one-part-of-a-checkpoint",
        ),
        # one of two providers left: what stayed is not named
        pytest.param([("m", "x", None), ("m", "y", None)], [("m", "y", None)], ["provider x became none"], id="fewer"),
    ],
)  # fmt: skip
def test_only_what_differs_is_told(then, now, words):
    assert change(identity(*then), identity(*now)) == words


def test_an_unknown_identity_changes_to_what_is_known():
    assert change(None, identity(("m", None, None))) == ["served model none became m"]


def test_a_long_foreign_fingerprint_is_cut_and_inert():
    (words,) = change(None, identity((None, None, "\x1b[31m" + "f" * 60)))
    assert words == "fingerprint none became " + "[31m" + "f" * 36 + "…"
