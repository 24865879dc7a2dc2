"""What an endpoint says of itself on pages of JSON: GET {base}/models, /key and their like."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from lake.errors import EndpointError, RefusedKeyError
from pipelines.asking.dialects import dialect_of
from pipelines.asking.redaction import Redactor
from pipelines.asking.transport import is_loopback
from pipelines.panels.records import EndpointSpec

TIMEOUT_S = 60.0


class Pages:
    """The pages of one endpoint; may be read by several threads at once."""

    def __init__(self, spec: EndpointSpec, api_key: str | None, client: httpx.Client) -> None:
        self._spec, self._client, self.redactor = spec, client, Redactor(api_key)
        self._headers = dialect_of(spec).headers(api_key)

    def get(self, path: str) -> dict[str, Any]:
        """Return the JSON object at a path below base_url.

        Raises RefusedKeyError for a key that is not taken, EndpointError for whatever is no such page.
        """
        url, name = f"{self._spec.base_url}".rstrip("/") + path, self._spec.name
        try:
            response = self._client.get(url, headers=self._headers)
            body = response.json() if response.is_success else None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, RecursionError) as error:
            raise EndpointError(
                f"{name} gave no catalogue at {url} ({type(error).__name__}: {self.redactor.text(str(error))}). "
                "Check base_url and the network, then start the same command again."
            ) from None
        status = response.status_code
        if status in {401, 403}:
            raise RefusedKeyError(
                f"{name} refused the key at {url} (HTTP {status}). Check {self._spec.key_env or 'the key'}."
            )
        if not isinstance(body, dict):
            raise EndpointError(
                f"{name} gave no catalogue at {url} (HTTP {status}). Check base_url in the panel, or try again later."
            )
        return body


@contextmanager
def open_pages(spec: EndpointSpec, api_key: str | None, timeout_s: float = TIMEOUT_S) -> Iterator[Pages]:
    """Yield the pages of an endpoint over one pool of connections."""
    with httpx.Client(timeout=timeout_s, trust_env=not is_loopback(f"{spec.base_url}")) as client:
        yield Pages(spec, api_key, client)
