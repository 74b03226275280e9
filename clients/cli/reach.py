"""From a command's options to a client: of the server named, or of one started for this command alone.

How to talk to a named server beyond its address comes from the environment: `ANYBIND_TOKEN_FILE` (a file whose first
line is a bearer token), `ANYBIND_TLS=1` (encryption, trusting the system's authorities), `ANYBIND_CA` (another
authority's certificate), `ANYBIND_CERT` and `ANYBIND_KEY` (the client's own).
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from ..client import Client
    from ..connection import Connection, Tls

DEFAULT_MODEL = "nano"
_DEADLINE_S = 600.0  # a batch takes its time where the model is large and the machine small


@contextmanager
def reach(model: str, server: str, index: str = "", modalities: Sequence[str] = ()) -> "Iterator[Client]":
    """A client of the server named, or else of an embedded one with this model and index.

    Args:
      modalities: those that will be asked for, so that an embedded server loads no others. By default all.

    Raises:
      typer.BadParameter: a server is named, and a model or an index besides, which are its own affair.
    """
    from ..client import Client
    from ..embedded import embedded_server

    if not server:
        with (
            embedded_server(model or DEFAULT_MODEL, index) as address,
            Client(address, deadline_s=_DEADLINE_S) as client,
        ):
            yield client
        return
    for option, value in (("--model", model), ("--index", index)):
        if value:
            raise typer.BadParameter(f"{option} says what a server should use; the one at {server} has its own.")
    connection = connection_to(server)
    with Client(server, tls=connection.tls, token=connection.token, deadline_s=_DEADLINE_S) as client:
        yield client


def connection_to(server: str) -> "Connection":
    """How to reach a named server, as the environment says.

    Raises:
      typer.BadParameter: the address is none, or the token would travel for all to read.
    """
    from ..connection import Connection

    try:
        return Connection(server, _tls(), _token())
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def _held(model: str, modalities: Sequence[str]) -> Sequence[str]:
    """The modalities to load: those asked for if the model has them all, else all, for its errors to name them."""
    from ...proto.manifest import ManifestError
    from ..models import read

    try:
        held = {encoder.modality for encoder in read(model).encoders}
    except ManifestError:  # the server will say what is wrong with the model
        return ()
    return sorted(set(modalities)) if held.issuperset(modalities) else ()


def _tls() -> "Tls | None":
    from ..connection import Tls

    ca, certificate, key = (os.environ.get(name) for name in ("ANYBIND_CA", "ANYBIND_CERT", "ANYBIND_KEY"))
    wanted = ca or certificate or os.environ.get("ANYBIND_TLS", "") not in ("", "0")
    return Tls(ca=ca, certificate=certificate, key=key) if wanted else None


def _token() -> str:
    path = os.environ.get("ANYBIND_TOKEN_FILE")
    return Path(path).read_text(encoding="utf-8").partition("\n")[0].strip() if path else ""
