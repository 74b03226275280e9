"""Who may call: TLS, bearer tokens from a file, and how many calls a token may have open."""

import hashlib
import hmac
import re
import ssl
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc

from ..proto.v1 import embedding_pb2 as pb
from .errors import Overloaded, ServingError

MIN_TOKEN_CHARS = 16
_LINE = re.compile(r"(\S+)\s+(\S+)")
_RETRY_S = 0.5


class AccessError(Exception):
    """Keys, certificates or tokens cannot be used. The message says which and why, and never what they are."""


class Unauthenticated(ServingError):
    """No token, or one that is not in the file."""

    code, status = pb.ERROR_CODE_INVALID_ARGUMENT, grpc.StatusCode.UNAUTHENTICATED


@dataclass(frozen=True)
class Tls:
    """Files in PEM. With `client_ca`, callers must show a certificate that it signed."""

    certificate: Path
    key: Path
    client_ca: Path | None = None


class Certificates:
    """What the files of `Tls` held when last read; each new connection is met with that."""

    def __init__(self, tls: Tls) -> None:
        """Raises:
        AccessError: see `read`.
        """
        self._tls = tls
        self.read()()

    def read(self) -> Callable[[], None]:
        """Reads the files again; gives what to call to go by them from then on.

        Raises:
          AccessError: one cannot be read, or the key is not the certificate's.
        """
        tls = self._tls
        try:
            pair = (tls.key.read_bytes(), tls.certificate.read_bytes())
            client_ca = tls.client_ca.read_bytes() if tls.client_ca else None
            # gRPC would take files that do not fit, and then refuse every caller.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tls.certificate, tls.key)
        except ssl.SSLError as error:
            raise AccessError(
                f"{tls.certificate} and {tls.key} are not a certificate and its key in PEM: {error.reason}."
            ) from error
        except OSError as error:
            raise AccessError(f"A TLS file cannot be read: {error}.") from error
        read = grpc.ssl_server_certificate_configuration([pair], client_ca)

        def take() -> None:
            self._read = read

        return take

    def credentials(self) -> grpc.ServerCredentials:
        """For a server's port."""
        return grpc.dynamic_ssl_server_credentials(
            self._read, lambda: self._read, require_client_authentication=self._tls.client_ca is not None
        )


class Tokens:
    """Bearer tokens by name, from a file of `NAME TOKEN` lines; empty lines and those that begin with # are skipped.

    Only digests are kept, and every one is compared with in constant time.
    """

    def __init__(self, path: Path, calls_each: int = 0) -> None:
        """Args:
          calls_each: how many calls a token may have open; 0: any number.

        Raises:
          AccessError: see `read`.
        """
        self._path, self._calls_each = path, calls_each
        self._digests: dict[str, bytes] = {}
        self._open: Counter[str] = Counter()
        self.read()()

    def read(self) -> Callable[[], None]:
        """Reads the file again; gives what to call to go by it from then on.

        Raises:
          AccessError: it cannot be read, has no token, or a line is not two words, the second long enough.
        """
        try:
            lines = self._path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise AccessError(f"The token file {self._path} cannot be read: {error}.") from error
        digests = {}
        for number, line in enumerate(lines, 1):
            if not line.strip() or line.startswith("#"):
                continue
            match = _LINE.fullmatch(line.strip())
            if match is None or len(match[2]) < MIN_TOKEN_CHARS:
                raise AccessError(
                    f"{self._path}, line {number}: NAME TOKEN is needed, the token at least {MIN_TOKEN_CHARS} "
                    "characters. Make one with `openssl rand -hex 32`."
                )
            digests[match[1]] = _digest(match[2])
        if not digests:
            raise AccessError(f"The token file {self._path} has no token; nobody could call. Add a line NAME TOKEN.")

        def take() -> None:
            self._digests = digests

        return take

    def name_of(self, authorization: str) -> str:
        """The name of the token in an `authorization` header.

        Raises:
          Unauthenticated: there is none, or it is not in the file.
        """
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("The call has no token. Send the header `authorization: Bearer TOKEN`.")
        digest = _digest(token.strip())
        matches = [name for name, known in self._digests.items() if hmac.compare_digest(digest, known)]
        if not matches:
            raise Unauthenticated("The token is not known to this server. Ask whoever runs it for one.")
        return matches[0]

    @contextmanager
    def call(self, name: str) -> Iterator[None]:
        """Counts a call of the token while inside.

        Raises:
          Overloaded: it has as many open as it may.
        """
        if self._calls_each and self._open[name] >= self._calls_each:
            raise Overloaded(
                f"The token {name!r} has {self._open[name]} calls open, and {self._calls_each} is its limit. "
                "Wait for one to end.",
                retry_delay_s=_RETRY_S,
            )
        self._open[name] += 1
        try:
            yield
        finally:
            self._open[name] -= 1


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
