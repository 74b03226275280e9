"""How a client reaches a server: address, encryption, token, message sizes."""

import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path

import grpc

DEFAULT_DEADLINE_S = 30.0
_MESSAGE_BYTES = 256 << 20  # of one answer; the server limits what it takes, and says so

Options = tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Tls:
    """Encryption. Certificates and key are PEM files.

    Attributes:
      ca: authorities to trust in place of the system's; needed for a server that signed its own certificate.
      certificate, key: the client's own, both or neither, for servers that want to know who calls.
    """

    ca: str | os.PathLike[str] | None = None
    certificate: str | os.PathLike[str] | None = None
    key: str | os.PathLike[str] | None = None

    def credentials(self) -> grpc.ChannelCredentials:
        """What gRPC wants. Raises OSError where a file cannot be read."""
        if (self.certificate is None) != (self.key is None):
            raise ValueError("A client certificate needs its key, and a key its certificate: give both or neither.")
        ca, key, certificate = (
            None if path is None else Path(path).read_bytes() for path in (self.ca, self.key, self.certificate)
        )
        return grpc.ssl_channel_credentials(ca, key, certificate)


@dataclass(frozen=True)
class Connection:
    """Where a server is and how to talk to it.

    Attributes:
      address: `host:port` or `unix:path`.
      tls: encryption; None for none.
      token: sent as `authorization: Bearer ...` with every call; "" for none.
    """

    address: str
    tls: Tls | None = None
    token: str = ""

    def __post_init__(self) -> None:
        if not self.address.startswith("unix:") and not _has_port(self.address):
            raise ValueError(f"The server's address is {self.address!r}; it looks like localhost:7860 or unix:/path.")
        if self.token and self.tls is None and not self._is_local():
            raise ValueError(f"The token would travel to {self.address} for all to read. Use TLS (tls=anybind.Tls()).")

    @property
    def options(self) -> Options:
        return (
            ("grpc.max_receive_message_length", _MESSAGE_BYTES),
            ("grpc.initial_reconnect_backoff_ms", 100),  # so that a repeated call finds a server that is back
            ("grpc.max_reconnect_backoff_ms", 2000),
            ("grpc.enable_http_proxy", 0 if self._is_local() else 1),
        )

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self.token}"),) if self.token else ()

    def channel(self) -> grpc.Channel:
        if self.tls is None:
            return grpc.insecure_channel(self.address, self.options)
        return grpc.secure_channel(self.address, self.tls.credentials(), self.options)

    def aio_channel(self) -> grpc.aio.Channel:
        if self.tls is None:
            return grpc.aio.insecure_channel(self.address, self.options)
        return grpc.aio.secure_channel(self.address, self.tls.credentials(), self.options)

    def _is_local(self) -> bool:
        if self.address.startswith("unix:"):
            return True
        host = self.address.rpartition(":")[0].strip("[]")
        if host == "localhost":
            return True
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:  # a name: it may lead anywhere
            return False


def _has_port(address: str) -> bool:
    host, _, port = address.rpartition(":")
    return bool(host) and "//" not in host and port.isdecimal()
