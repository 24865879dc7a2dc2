"""The Prefect server of a single night: started by Prefect when the flow starts, kept in bounds here.

Prefect's own lives on, holding our standard output, when the night is killed: whoever reads that output hangs.
"""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from flows.ending_with_parent import started
from lake.store import Store

if TYPE_CHECKING:
    from prefect.server.api.server import SubprocessASGIServer

ARGUMENTS = (
    "--factory", "prefect.server.api.server:create_app", "--host", "127.0.0.1", "--log-level", "error",
    "--lifespan", "on",
)  # fmt: skip
WITHOUT_PAGES = {"PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1"}
"""As Prefect starts it (prefect.server.api.server.SubprocessASGIServer)."""


def keep_server_to_this_process(store: Store) -> None:
    """Have the server that Prefect starts for a flow end with this process and write to a log in the store.

    Prefect offers no setting for it, so the one method that starts the process is replaced. Without effect where
    PREFECT_API_URL names a server.
    """
    from prefect.server.api.server import SubprocessASGIServer
    from prefect.settings import get_current_settings

    def run(server: SubprocessASGIServer) -> subprocess.Popen[bytes]:
        settings = get_current_settings().to_environment_variables(exclude_unset=True)
        with (store.state / "prefect-server.log").open("ab") as log:
            return started(
                "uvicorn", [*ARGUMENTS, "--port", str(server.port)], log, {**os.environ, **WITHOUT_PAGES, **settings}
            )

    SubprocessASGIServer._run_uvicorn_command = run  # type: ignore[assignment, method-assign]
