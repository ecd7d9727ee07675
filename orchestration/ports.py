"""Ports on loopback, where all our servers listen."""

import socket
from typing import Final

HOST: Final = "127.0.0.1"


def why_taken(port: int) -> str | None:
    """Return why a port cannot be used, in the system's words; None if it is free."""
    with socket.socket() as probe:
        # The server sets this too: a port in TIME_WAIT is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            return error.strerror or str(error)
    return None
