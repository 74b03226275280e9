"""OpenTelemetry traces: a span a call, in the caller's trace, and under it a span a stage of each item."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version

from opentelemetry import trace
from opentelemetry.propagate import extract
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter


def otlp_exporter(endpoint: str) -> SpanExporter:
    """Sends spans to a collector, such as "http://localhost:4317"; https is encrypted."""
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter(endpoint, insecure=not endpoint.startswith("https"))


class Tracing:
    """Makes spans and hands them to an exporter, in batches, from a thread of its own."""

    def __init__(self, exporter: SpanExporter) -> None:
        resource = Resource.create({"service.name": "anybind", "service.version": version("anybind")})
        self._provider = TracerProvider(resource=resource)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("anybind.server")

    @contextmanager
    def call(self, method: str, metadata: Mapping[str, str]) -> Iterator[trace.Span]:
        """The span of a call; `metadata` holds the caller's `traceparent`, where it has one."""
        with self._tracer.start_as_current_span(
            method.removeprefix("/"), context=extract(metadata), kind=trace.SpanKind.SERVER
        ) as span:
            yield span

    def stages(self, modality: str, seconds: Mapping[str, float]) -> None:
        """The spans of an item that is done now: its stages by name, one after the other."""
        end_ns = time.time_ns()
        start_ns = end_ns - round(1e9 * sum(seconds.values()))
        for stage, duration_s in seconds.items():
            span = self._tracer.start_span(stage, start_time=start_ns, attributes={"anybind.modality": modality})
            start_ns += round(1e9 * duration_s)
            span.end(start_ns)

    def close(self) -> None:
        """Sends what is left."""
        self._provider.shutdown()
