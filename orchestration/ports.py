"""Ports on loopback, where everything that is served here listens."""

import socket
from typing import Final

HOST: Final = "127.0.0.1"


def why_taken(port: int) -> str | None:
    """Return why a port cannot be had, in the system's words; None if it can."""
    with socket.socket() as probe:
        # As the server does it: a port in TIME_WAIT is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            return error.strerror or str(error)
    return None
