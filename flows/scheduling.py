"""`driftlake schedule`: serve the nightly flow by cron until stopped.

A scheduler needs a Prefect server. Where PREFECT_API_URL names one, that one is used; else one is
started on loopback and lives as long as this process. Teams run `prefect server start` on
PostgreSQL instead and set PREFECT_API_URL.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from flows.ending_with_parent import started
from flows.environment import prepare_environment
from flows.running import require_keys
from flows.settings import Settings
from flows.signals import ending_on_interrupt
from lake.errors import InputError, StoreError
from lake.store import Store
from pipelines.panels.files import load_panel

_PATIENCE_S = 90.0
_USUAL_PORT = 4200


def serve(settings: Settings) -> None:
    """Serve the nightly flow by cron, in UTC, until stopped.

    Raises InputError for a panel, key or cron that is no good.
    """
    panel = load_panel(settings.panel)
    require_keys(panel)
    store = settings.store.prepare()
    prepare_environment(store)
    require_cron(settings.cron)
    with prefect_server(store) as url:
        from prefect.schedules import Cron

        from flows.nightly import nightly

        print(
            f"Serving panel {panel.name} by cron {settings.cron!r} (UTC) through {url}. Stop with Ctrl-C; "
            "a missed night stays missed.",
            file=sys.stderr,
            flush=True,
        )
        with ending_on_interrupt():
            nightly.serve(
                name=f"nightly-{panel.name}",
                schedule=Cron(settings.cron, timezone="UTC"),
                parameters={
                    "panel": settings.panel,
                    "samples": settings.samples,
                    "budget_usd": settings.budget_usd,
                    "allow_unpriced": settings.allow_unpriced,
                    "escalate_from": settings.escalate_from,
                    "top": settings.top,
                    "home": str(store.home),
                },
                limit=1,
                print_starting_message=False,
            )


def require_cron(cron: str) -> None:
    """Raise InputError for a cron expression that Prefect cannot schedule."""
    from prefect.schedules import Cron

    try:
        Cron(cron, timezone="UTC")
    except ValueError as error:
        raise InputError(
            f'--cron {cron!r} is not a cron expression ({error}). Five fields are needed, as in "0 2 * * *".'
        ) from error


@contextmanager
def prefect_server(store: Store) -> Iterator[str]:
    """Yield the address of a Prefect API whose scheduler runs; one that was started here ends with the block."""
    if url := os.environ.get("PREFECT_API_URL"):
        yield url
        return
    port = _free_port()
    url = f"http://127.0.0.1:{port}/api"
    path = store.state / "prefect-server.log"
    with path.open("ab") as log:
        server = _start_server(port, log)
        try:
            _wait_until_up(server, url, str(path))
            os.environ["PREFECT_API_URL"] = url
            yield url
        finally:
            os.environ.pop("PREFECT_API_URL", None)
            server.terminate()
            try:
                server.wait(timeout=15)
            except subprocess.TimeoutExpired:
                server.kill()


def _start_server(port: int, log: IO[bytes]) -> subprocess.Popen[bytes]:
    return started("prefect", ["server", "start", "--host", "127.0.0.1", "--port", str(port)], log)


def _wait_until_up(server: subprocess.Popen[bytes], url: str, log: str) -> None:
    import httpx

    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if httpx.get(f"{url}/health", timeout=2).status_code == httpx.codes.OK:
                return
        except httpx.HTTPError:
            time.sleep(0.3)
    raise StoreError(
        f"The Prefect server did not come up at {url}; its output is in {log}. Start the same command again."
    )


def _free_port() -> int:
    for port in (_USUAL_PORT, 0):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise StoreError("No free port on loopback for the Prefect server. Set PREFECT_API_URL to a running one.")
