"""The process environment every part runs in: private, quiet, offline unless an endpoint is asked.

Must be set before Prefect, dbt, dlt, Great Expectations or transformers are imported; child
processes inherit it. What the user has set himself stands, telemetry excepted.
"""

from __future__ import annotations

import os

from lake.store import Store

TELEMETRY_OFF = {
    "DO_NOT_TRACK": "1",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "GX_ANALYTICS_ENABLED": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}

QUIET = {
    "OPENBLAS_NUM_THREADS": "1",  # the models' matrix products are small: threads cost more than they bring
    "OMP_WAIT_POLICY": "PASSIVE",  # threads that wait must sleep: on busy cores, spinning makes training far slower
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TQDM_DISABLE": "1",
    "RUNTIME__LOG_LEVEL": "ERROR",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "90",
    "PREFECT_CLI_PROMPT": "false",
    "PREFECT_SHOW_PROMOTIONAL_MESSAGES": "false",
}


def prepare_environment(store: Store) -> None:
    """Switch telemetry off and keep the working state of Prefect inside the store."""
    os.environ.update(TELEMETRY_OFF)
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    os.environ.setdefault("PREFECT_HOME", str(store.state / "prefect"))
