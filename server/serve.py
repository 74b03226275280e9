"""Starts and stops the gRPC server."""

from dataclasses import dataclass, field
from typing import Literal

from .limits import Limits


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything `anybind serve` can be told, one field a flag. Times in seconds, sizes in bytes."""

    model: str = "nano"  # an artifact folder, or the name of a packaged model
    address: str = "127.0.0.1:7860"  # host:port (port 0: any free one) or unix:path
    modalities: tuple[str, ...] = ()  # serve only these; empty: all the model has
    index: str = ""  # where points are kept: a folder, http(s)://... or grpc://...; empty: no retrieval
    collection: str = "anybind"  # the collection of a Qdrant server
    provider: Literal["auto", "cpu", "cuda", "tensorrt"] = "auto"
    limits: Limits = field(default_factory=Limits)
    # More to come with issue 3: load, idle_unload_s, memory_budget, tls, tokens, metrics, otlp, cache, processes.


class StartError(Exception):
    """The server could not start. The message says why and what to do; it is for people, not for logs."""


class Server:
    """A running server."""

    address: str  # as clients dial it: host:port with the real port, or unix:path

    async def wait(self) -> None:
        """Returns when the server has stopped."""
        raise NotImplementedError

    async def stop(self, grace_s: float = 30.0) -> None:
        """NOT_SERVING, finish what was accepted (at most `grace_s`), stop."""
        raise NotImplementedError


async def start(settings: Settings) -> Server:
    """Loads, replays the golden vectors, listens, and returns once the server is SERVING.

    Raises:
      StartError: a port taken, a model that is none, a provider that is not there, an index another process holds...
    """
    raise NotImplementedError
