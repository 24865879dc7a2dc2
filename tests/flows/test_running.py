"""Which nights one start plays, and what becomes of tonight when an earlier night cannot go on."""

from datetime import UTC, datetime, timedelta

import pytest

from flows import running
from flows.running import Night
from flows.settings import resolve
from lake.errors import InputError

TODAY = datetime.now(UTC).date()
YESTERDAY = Night(TODAY - timedelta(days=1), None)
TONIGHT = Night(TODAY, None)


@pytest.fixture
def played(monkeypatch, tmp_path):
    """Run two due nights, of which some are refused; return those that were tried."""
    monkeypatch.setenv("DRIFTLAKE_HOME", str(tmp_path))

    def run(refused, nights=(YESTERDAY, TONIGHT)):
        tried = []

        def play(settings, night):
            tried.append(night)
            if night in refused:
                raise InputError(f"Panel local changed since wave local/{night.day} started.")

        monkeypatch.setattr(running, "prepare_environment", lambda _: None)  # it would stay for the tests after this
        monkeypatch.setattr(running, "nights_due", lambda *_: list(nights))
        monkeypatch.setattr(running, "_is_answered", lambda *_: True)
        monkeypatch.setattr(running, "_play", play)
        monkeypatch.setattr(running, "summary", lambda *_, **__: "found")
        return tried, running.run_nightly(resolve(), None)

    return run


def test_a_night_that_cannot_go_on_does_not_keep_tonight_from_being_played(played, capsys):
    tried, found = played(refused=[YESTERDAY])
    assert (tried, found) == ([YESTERDAY, TONIGHT], "found")
    said = capsys.readouterr().err
    assert f"Panel local changed since wave local/{YESTERDAY.day} started. Tonight's wave goes on without it." in said


def test_a_refused_last_night_is_an_error(played):
    with pytest.raises(InputError, match=f"local/{TODAY} started"):
        played(refused=[TONIGHT])


def test_a_staged_night_is_never_skipped(played):
    staged = Night(TODAY - timedelta(days=1), 2)
    with pytest.raises(InputError):
        played(refused=[staged], nights=(staged, Night(TODAY, 3)))
