"""What stops a whole start, in words: what happened, what is kept, what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lake.errors import BudgetError, EndpointError, StoppedError
from pipelines.asking.outcomes import Reading, Reply
from pipelines.asking.shortening import shortened

if TYPE_CHECKING:
    from pipelines.asking.openai_compatible import OpenAICompatibleEndpoint


def what_failed(reading: Reading, reply: Reply) -> str:
    """Return status, class and message of a failure, short."""
    said = shortened((reading.error_message or "").strip().rstrip("."), 200)
    return f"{reply.status or 'no reply'} {reading.error_class}: {said}"


def key_refused(endpoint: OpenAICompatibleEndpoint, reading: Reading, reply: Reply) -> EndpointError:
    """Return the error of a key that the endpoint does not take."""
    said, key = endpoint.redactor.text(what_failed(reading, reply)), endpoint.spec.key_env or "the key"
    return EndpointError(
        f"{endpoint.spec.name} refused the key ({said}). Check {key} and start the same command again."
    )


def credit_gone(endpoint: OpenAICompatibleEndpoint, reading: Reading, reply: Reply) -> BudgetError:
    """Return the error of a key that may spend no more."""
    said = endpoint.redactor.text(what_failed(reading, reply))
    return BudgetError(
        f"{endpoint.spec.name} has no credit left for this key ({said}). What was answered is kept; "
        "add credit or raise the key's limit, and start the same command again: it asks only what is missing."
    )


def not_found(endpoint: OpenAICompatibleEndpoint) -> EndpointError:
    """Return the error of an address where nobody answers chat completions."""
    return EndpointError(f"{endpoint.url} does not answer chat completions. Check base_url.")


def out_of_reach(endpoint: OpenAICompatibleEndpoint, reading: Reading) -> EndpointError:
    """Return the error of a server that no request reaches."""
    message = endpoint.redactor.text(reading.error_message or "")
    return EndpointError(
        f"{endpoint.spec.name} cannot be reached at {endpoint.url} ({message}). "
        "Check the address and the network, then start the same command again."
    )


def interrupted() -> StoppedError:
    """Return the error of a start that the user ended."""
    return StoppedError("Stopped. What was answered is kept; the same command goes on from there.")
