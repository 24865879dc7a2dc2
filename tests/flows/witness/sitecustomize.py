"""Put on a child's PYTHONPATH: writes every address that any of its processes looks up or connects to into a file."""

import os
import sys

_LOG = os.environ["DRIFTLAKE_TEST_CONNECTIONS"]


def _witness(event: str, arguments: tuple[object, ...]) -> None:
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event in ("socket.connect", "socket.sendto"):
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None  # a path is a socket of this machine
    else:
        return
    if host is not None:
        name = host.decode() if isinstance(host, bytes) else str(host)
        descriptor = os.open(_LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(descriptor, f"{event} {name}\n".encode())
        os.close(descriptor)


sys.addaudithook(_witness)
