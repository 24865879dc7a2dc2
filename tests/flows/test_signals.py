"""Ctrl-C while answers are under way: once waits for what is paid for, twice leaves."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import sys, time
from flows.progress import Step
from flows.signals import stopping_on_signals

with stopping_on_signals(Step("ask")) as interruption:
    print("asking", flush=True)
    while not interruption:
        time.sleep(0.01)
    print("waiting for answers", flush=True)
    time.sleep(float(sys.argv[1]))
print("done", flush=True)
"""


def asking(seconds):
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(seconds)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout.readline() == "asking\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_lets_what_is_under_way_come_in(number):
    process = asking(0.2)
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, "waiting for answers\ndone\n")
    assert "Stopping: nothing more is sent, and answers under way are waited for. Once more leaves at once." in err


def test_the_second_signal_leaves_at_once():
    process = asking(60)
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "waiting for answers\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    assert "left at once; what is in the journal is kept" in err


STUBBORN = """
import time
from flows.signals import ending_on_interrupt
with ending_on_interrupt(0.5):
    is_up = False
    while True:
        try:
            if not is_up:
                is_up = True
                print("up", flush=True)
            time.sleep(60)
        except KeyboardInterrupt:
            print("swallowed", flush=True)
"""


def test_an_interrupt_that_is_swallowed_ends_the_process_all_the_same() -> None:
    with subprocess.Popen([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=60)
    assert (said, process.returncode) == ("swallowed\n", 128 + signal.SIGINT)
