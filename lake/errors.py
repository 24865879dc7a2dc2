"""Every error driftlake raises on purpose. Each says what happened, where, and what to do next.

DriftlakeError
├── InputError          the user's input cannot be used; exit code 2, nothing was written
│   ├── PanelError      a panel or battery file is wrong: file, line, remedy
│   └── NoLakeError     a reader asked for a lake that does not exist yet
├── BusyError           another process holds the lock that this command needs
├── StoreError          the store cannot be read or written (permission, full disk)
├── EndpointError       an endpoint cannot be used at all (key refused, unknown base URL)
│   └── RefusedKeyError the endpoint does not take the key
├── BudgetError         the budget stops the wave; the same command resumes it
├── StoppedError        the user stopped it; the same command resumes it
├── CheckpointError     a checkpoint cannot be trusted or loaded
│   └── NotAppliedError an adapter changes nothing (break D07)
└── WaveError           a wave cannot go on
    ├── QuarantineError the wave did not pass its expectations; readers keep the last publication
    └── ExperimentError a persona experiment was ended by a gate, its audit, or arms that failed
"""

from __future__ import annotations

from pathlib import Path


class DriftlakeError(Exception):
    """Base of the family; `exit_code` is what the command line leaves with."""

    exit_code = 1


class InputError(DriftlakeError):
    """The user's input cannot be used. Nothing was written."""

    exit_code = 2


class PanelError(InputError):
    """A panel or battery file cannot be used.

    `line` is 1-based, or None where the whole file is meant.
    """

    def __init__(self, path: Path | str, line: int | None, problem: str, remedy: str) -> None:
        self.path, self.line, self.problem, self.remedy = path, line, problem, remedy
        where = f"{path}:{line}" if line else f"{path}"
        super().__init__(f"{where}: {problem} {remedy}")


class NoLakeError(InputError):
    """A reader asked for a lake that does not exist yet."""

    def __init__(self, home: Path) -> None:
        self.home = home
        super().__init__(
            f"There is no lake at {home} yet. Run `make nightly` (or `driftlake nightly`) to make one, "
            "or point DRIFTLAKE_HOME at an existing store."
        )


class BusyError(DriftlakeError):
    """Another process holds the lock that this command needs."""


class StoreError(DriftlakeError):
    """The store cannot be read or written."""

    exit_code = 2


class EndpointError(DriftlakeError):
    """An endpoint cannot be used at all: no key, a refused key, an unreachable address."""

    exit_code = 2


class RefusedKeyError(EndpointError):
    """The endpoint does not take the key."""


class BudgetError(DriftlakeError):
    """The budget stops the wave. What was answered is kept; the same command resumes it."""


class StoppedError(DriftlakeError):
    """The user stopped it. What was answered is kept; the same command resumes it."""

    exit_code = 130


class CheckpointError(DriftlakeError):
    """A checkpoint cannot be loaded, or is not what its card says."""


class NotAppliedError(CheckpointError):
    """An adapter changes nothing: what is asked under its name is the base (break D07)."""


class WaveError(DriftlakeError):
    """A wave cannot go on."""


class QuarantineError(WaveError):
    """A wave did not pass its expectations. Its rows are kept; readers keep the last publication."""

    def __init__(self, wave_id: str, sentences: list[str]) -> None:
        self.wave_id, self.sentences = wave_id, sentences
        query = f"from ops.check_results where wave_id = '{wave_id}' and not success"
        super().__init__(
            f"Wave {wave_id} is quarantined; readers keep the last publication. {' '.join(sentences)} "
            f'The rows are kept: .venv/bin/driftlake sql --latest "{query}"'
        )


class ExperimentError(WaveError):
    """A persona experiment was ended: a gate closed, its audit failed it, or arms of it failed."""
