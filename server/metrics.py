"""What the server counts. Names and labels are a contract with dashboards; `docs/serving.md` lists them."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128)


class Metrics:
    """One server's counters, in a registry of their own, so that several servers fit in one process."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.calls = Counter("anybind_calls", "Calls ended, by gRPC status", ["method", "status"], registry=registry)
        self.call_seconds = Histogram(
            "anybind_call_seconds", "How long calls took", ["method"], buckets=_SECONDS, registry=registry
        )
        self.items = Counter(
            "anybind_items", "Items answered: OK or the error", ["modality", "outcome"], registry=registry
        )
        self.stage_seconds = Histogram(
            "anybind_stage_seconds",
            "How long an item's stages took: decode, queue, inference",
            ["modality", "stage"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.batch_rows = Histogram(
            "anybind_batch_rows", "Rows of the batches computed", ["modality"], buckets=_ROWS, registry=registry
        )
        self.queue_rows = Gauge("anybind_queue_rows", "Rows waiting for the device", ["modality"], registry=registry)
        self.dropped = Counter(
            "anybind_dropped",
            "Items dropped before they cost anything: cancelled, deadline or overloaded",
            ["modality", "reason"],
            registry=registry,
        )
        self.held_bytes = Gauge("anybind_held_bytes", "Bytes of items accepted and not yet answered", registry=registry)
        self.refused = Counter("anybind_refused", "Calls and items refused at the door", ["reason"], registry=registry)
        self.decoder_deaths = Counter(
            "anybind_decoder_deaths", "Decoder processes lost: hung, crashed", ["reason"], registry=registry
        )
        self.cache = Counter(
            "anybind_cache", "Looks into the embedding cache: hit, miss", ["outcome"], registry=registry
        )
        self.cache_entries = Gauge("anybind_cache_entries", "Embeddings in the cache", registry=registry)
        self.loaded = Gauge(
            "anybind_encoder_loaded",
            "Graphs in memory; 2 while one replaces another",
            ["modality", "provider"],
            registry=registry,
        )
        self.golden_difference = Gauge(
            "anybind_golden_difference", "Largest difference in the last golden replay", ["modality"], registry=registry
        )
        self.reloads = Counter("anybind_reloads", "Model swaps: ok, refused", ["outcome"], registry=registry)
        self.ready = Gauge("anybind_ready", "1 while the server is SERVING", registry=registry)
        self.model = Gauge("anybind_model", "1 for the model that serves", ["model", "space_id"], registry=registry)

    def expose(self, address: str) -> tuple[str, Callable[[], None]]:
        """Answers Prometheus on `host:port`, from a thread of its own. Gives the real address, and what ends it.

        Raises:
          OSError: the port is taken.
        """
        host, _, port = address.rpartition(":")
        http, thread = start_http_server(int(port), host, self.registry)

        def stop() -> None:
            http.shutdown()
            http.server_close()
            thread.join()

        return f"{host}:{http.server_port}", stop
