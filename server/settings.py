"""Everything a server can be told."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from .access import Tls
from .index import DEFAULT_COLLECTION
from .isolation import Bounds
from .limits import Limits
from .providers import ProviderName


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One field a flag of `anybind serve`, under the same name. Times in seconds, sizes in bytes."""

    # What is served, where.
    model: str = "nano"  # an artifact folder, or the name of a packaged model
    modalities: tuple[str, ...] = ()  # serve only these; empty: all the model has
    address: str = "127.0.0.1:7860"  # host:port (port 0: any free one) or unix:path
    index: str = ""  # where points are kept: a folder, http(s)://... or grpc(s)://...; empty: no retrieval
    collection: str = DEFAULT_COLLECTION  # the collection of a Qdrant server

    # What it computes with.
    provider: ProviderName = "auto"
    engine_cache: Path | None = None  # where TensorRT keeps its engines
    threads: int = 0  # of one inference; 0: one a physical core
    decoders: int = 0  # items decoded at once; 0: one a core
    isolate: bool = True  # decode media in processes of their own, under these bounds
    decoder_memory_bytes: int = Bounds.memory_bytes
    decoder_seconds: float = Bounds.seconds  # of one item
    load: Literal["eager", "lazy"] = "eager"  # all encoders at start, or each when first asked for
    idle_unload_s: float = 0.0  # unload an encoder that nobody used for so long; 0: never
    memory_budget_bytes: int = 0  # of graphs in memory at once, as their files count them; 0: any number
    cache_entries: int = 0  # embeddings of content seen before; 0: no cache

    # What it takes, from whom.
    limits: Limits = field(default_factory=Limits)
    held_bytes: int = 512 << 20  # of items accepted and not yet answered
    tls: Tls | None = None
    tokens: Path | None = None  # a file of NAME TOKEN lines; read again on SIGHUP
    token_calls: int = 0  # calls that one token may have open; 0: any number
    insecure: bool = False  # listen beyond this machine without TLS or tokens

    # How it ends.
    drain_s: float = 30.0  # to finish what was accepted
    notice_s: float = 0.0  # between NOT_SERVING and refusing calls, for load balancers to look away

    # What is seen of it.
    metrics: str = ""  # host:port for Prometheus; empty: none
    otlp: str = ""  # an OpenTelemetry collector, such as http://localhost:4317; empty: no traces

    # For several processes on one port; set by `processes.run`.
    share_port: bool = False
