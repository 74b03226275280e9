"""Where a server listens, and what speaks against it."""

import ipaddress
import socket
from pathlib import Path

import grpc

from .settings import Settings


class StartError(Exception):
    """The server could not start, or the model not be swapped. The message says why and what to do."""


def listen(server: grpc.aio.Server, settings: Settings, credentials: grpc.ServerCredentials | None) -> str:
    """Listens on the address, in the clear where there are no credentials, and gives it back as clients dial it."""
    address = settings.address
    if not address.startswith("unix:") and ":" not in address:
        raise StartError(f"The address is {address!r}; host:port or unix:path is needed, such as 127.0.0.1:7860.")
    if not is_local(address) and not (settings.tls or settings.tokens or settings.insecure):
        raise StartError(
            f"{address} can be reached from other machines, and nothing keeps strangers out. "
            "Give --tls-cert and --tls-key, or --tokens; or say --insecure if something else does."
        )
    if address.startswith("unix:"):
        _check_socket(Path(address.removeprefix("unix:")))
    try:
        if credentials is not None:
            port = server.add_secure_port(address, credentials)
        else:
            port = server.add_insecure_port(address)
    except RuntimeError as error:
        raise StartError(
            f"{address} cannot be listened on: it is taken by another program, or not an address of this machine. "
            "Choose another one with --address."
        ) from error
    return address if address.startswith("unix:") else f"{address.rpartition(':')[0]}:{port}"


def _check_socket(path: Path) -> None:
    """gRPC would silently take the path from a server that listens on it."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return
    raise StartError(f"unix:{path} is taken: a server listens on it. Choose another one with --address.")


def is_local(address: str) -> bool:
    """Whether only this machine can reach the address: a socket's path, or a host that is loopback."""
    if address.startswith("unix:"):
        return True
    host = address.rpartition(":")[0].strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
