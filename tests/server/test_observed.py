"""What is seen from outside: metrics, traces, logs."""

import asyncio
import io
import json
import logging
import urllib.request

import grpc
import media
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from anybind.proto.v1 import embedding_pb2 as pb
from anybind.proto.v1.embedding_pb2_grpc import EmbeddingStub
from anybind.server import logs, serve, tracing
from anybind.server.serve import Server, StartError

PICTURE = pb.Item(modality="image", data=media.picture())
TRACE = "0af7651916cd43dd8448eb211c80319c"


async def embed(server: Server, *items: pb.Item, metadata: tuple = ()) -> grpc.aio.Metadata:
    """Embeds items and gives the trailing metadata."""
    async with grpc.aio.insecure_channel(server.address) as channel:
        call = EmbeddingStub(channel).Embed(pb.EmbedRequest(items=items), metadata=metadata)
        await call
        return await call.trailing_metadata()


def value(server: Server, name: str, **labels: str) -> float:
    return server.metrics.registry.get_sample_value(name, labels) or 0


async def test_items_calls_stages_and_batches_are_counted(server: Server) -> None:
    await embed(server, PICTURE, PICTURE, pb.Item(modality="image", data=b"nothing"))
    assert value(server, "anybind_items_total", modality="image", outcome="OK") == 2
    assert value(server, "anybind_items_total", modality="image", outcome="UNDECODABLE") == 1
    assert value(server, "anybind_calls_total", method="anybind.v1.Embedding/Embed", status="OK") == 1
    for stage in ("decode", "queue", "inference"):
        assert value(server, "anybind_stage_seconds_count", modality="image", stage=stage) == 2
    assert value(server, "anybind_batch_rows_sum", modality="image") == 2
    assert value(server, "anybind_held_bytes") == 0


async def test_a_call_that_fails_is_counted_by_its_status(server: Server) -> None:
    with pytest.raises(grpc.aio.AioRpcError):
        await embed(server)
    assert value(server, "anybind_calls_total", method="anybind.v1.Embedding/Embed", status="INVALID_ARGUMENT") == 1


async def test_what_callers_send_never_makes_a_label(server: Server) -> None:
    await embed(server, *[pb.Item(modality=f"smell {i}", text="x") for i in range(5)])
    assert value(server, "anybind_items_total", modality="unknown", outcome="UNKNOWN_MODALITY") == 5


async def test_metrics_are_answered_over_http(starting) -> None:
    server = await starting(metrics="127.0.0.1:0")
    await embed(server, PICTURE)
    with await asyncio.to_thread(urllib.request.urlopen, f"http://{server.metrics_address}/metrics") as response:
        text = response.read().decode()
    assert 'anybind_items_total{modality="image",outcome="OK"} 1.0' in text
    assert "anybind_ready 1.0" in text
    assert 'anybind_model{model="toy"' in text


async def test_a_metrics_port_that_is_taken_stops_the_start(starting) -> None:
    server = await starting(metrics="127.0.0.1:0")
    with pytest.raises(StartError, match="Metrics cannot be served"):
        await starting(metrics=server.metrics_address)


async def test_traces_continue_the_caller_s_and_show_the_stages(starting, monkeypatch: pytest.MonkeyPatch) -> None:
    exporter = InMemorySpanExporter()
    monkeypatch.setattr(tracing, "otlp_exporter", lambda endpoint: exporter)
    server = await starting(otlp="http://collector:4317")
    await embed(server, PICTURE, metadata=(("traceparent", f"00-{TRACE}-b7ad6b7169203331-01"),))
    await server.stop()
    spans = {span.name: span for span in exporter.get_finished_spans()}
    assert set(spans) == {"anybind.v1.Embedding/Embed", "decode", "queue", "inference"}
    assert {f"{span.context.trace_id:032x}" for span in spans.values()} == {TRACE}
    call = spans.pop("anybind.v1.Embedding/Embed")
    assert all(span.parent.span_id == call.context.span_id for span in spans.values())
    assert spans["decode"].end_time <= spans["queue"].end_time <= spans["inference"].end_time
    assert spans["decode"].attributes["anybind.modality"] == "image"


async def test_without_a_collector_tracing_is_not_even_set_up(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    assert serve._tracing("") is None


async def test_a_request_keeps_its_id_or_is_given_one(server: Server) -> None:
    assert dict(await embed(server, PICTURE, metadata=(("x-request-id", "mine-1"),)))["x-request-id"] == "mine-1"
    given = dict(await embed(server, PICTURE))["x-request-id"]
    assert len(given) == 32
    too_long = dict(await embed(server, PICTURE, metadata=(("x-request-id", "x" * 200),)))["x-request-id"]
    assert len(too_long) == 32


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch):
    """Log lines of this test, parsed."""
    stream = io.StringIO()
    monkeypatch.setattr(logs.sys, "stderr", stream)
    logger = logging.getLogger("anybind")
    before = (logger.handlers[:], logger.level, logger.propagate)
    logs.configure("json", logging.DEBUG)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logger.handlers[:], logger.level, logger.propagate = before


async def test_log_lines_are_json_with_the_request_s_id(server: Server, lines) -> None:
    await embed(server, PICTURE, metadata=(("x-request-id", "mine-2"),))
    (line,) = [line for line in lines() if line.get("request_id") == "mine-2"]
    assert line["method"] == "anybind.v1.Embedding/Embed"
    assert line["status"] == "OK"
    assert line["level"] == "DEBUG"
    assert line["ms"] > 0


def test_an_exception_is_one_line_too(lines) -> None:
    try:
        1 / 0  # noqa: B018
    except ZeroDivisionError:
        logging.getLogger("anybind.server").exception("it failed")
    (line,) = lines()
    assert line["message"] == "it failed"
    assert "ZeroDivisionError" in line["exception"]


def test_lines_for_people_are_plain(capsys: pytest.CaptureFixture[str]) -> None:
    record = logging.LogRecord("anybind", logging.INFO, "", 0, "loaded %s", ("nano",), None)
    assert logs.TextFormatter().format(record).endswith("INFO    loaded nano")
