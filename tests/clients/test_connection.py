"""What stands between a client and its server: faults, repetitions, deadlines, encryption, tokens."""

import math
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import grpc
import numpy as np
import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

import anybind
from anybind.proto.v1 import embedding_pb2 as pb
from anybind.proto.v1 import embedding_pb2_grpc, retrieval_pb2_grpc
from anybind.proto.v1 import retrieval_pb2 as rpb

SPACE = "5" * 32
FINE = pb.ItemResult(embedding=pb.Vector(data=np.eye(1, 8, dtype="<f4").tobytes(), modality="text"))
FULL = pb.ItemResult(error=pb.Error(code=pb.ERROR_CODE_OVERLOADED, message="The queue is full.", retry_delay_s=0.01))


class Scripted(embedding_pb2_grpc.EmbeddingServicer, retrieval_pb2_grpc.RetrievalServicer):
    """Fails as its script says, one line a call, then answers every item well."""

    def __init__(self) -> None:
        self.script: list[Callable[[grpc.ServicerContext], None] | list[pb.ItemResult]] = []
        self.requests: list[object] = []
        self.metadata: dict[str, str] = {}

    def _act(self, request: object, context: grpc.ServicerContext) -> list[pb.ItemResult] | None:
        self.requests.append(request)
        self.metadata = dict(context.invocation_metadata())
        line = self.script.pop(0) if self.script else None
        return line(context) if callable(line) else line

    def Embed(self, request: pb.EmbedRequest, context: grpc.ServicerContext) -> pb.EmbedResponse:
        results = self._act(request, context) or [FINE] * len(request.items)
        return pb.EmbedResponse(results=results, space_id=SPACE)

    def Info(self, request: pb.InfoRequest, context: grpc.ServicerContext) -> pb.InfoResponse:
        self._act(request, context)
        return pb.InfoResponse(model="scripted")

    def Upsert(self, request: rpb.UpsertRequest, context: grpc.ServicerContext) -> rpb.UpsertResponse:
        self._act(request, context)
        return rpb.UpsertResponse(results=[rpb.UpsertResult(id=point.id) for point in request.points])

    def Delete(self, request: rpb.DeleteRequest, context: grpc.ServicerContext) -> rpb.DeleteResponse:
        self._act(request, context)
        return rpb.DeleteResponse(deleted=1)


def failing(status: grpc.StatusCode, *details: object, message: str = "Not now.") -> Callable[..., None]:
    """A line of the script: the call ends with this status and these details."""

    def act(context: grpc.ServicerContext) -> None:
        packed = []
        for detail in details:
            packed.append(Any())
            packed[-1].Pack(detail)
        if packed:
            rich = Status(code=status.value[0], message=message, details=packed)
            context.set_trailing_metadata((("grpc-status-details-bin", rich.SerializeToString()),))
        context.abort(status, message)

    return act


def retry_after(seconds: float) -> RetryInfo:
    return RetryInfo(retry_delay=Duration(nanos=int(seconds * 1e9)))


UNAVAILABLE = failing(grpc.StatusCode.UNAVAILABLE)
ASKED_TO_COME_AGAIN = failing(grpc.StatusCode.RESOURCE_EXHAUSTED, retry_after(0.01))


@contextmanager
def running(servicer: Scripted, credentials: grpc.ServerCredentials | None = None) -> Iterator[str]:
    server = grpc.server(ThreadPoolExecutor(4))
    embedding_pb2_grpc.add_EmbeddingServicer_to_server(servicer, server)
    retrieval_pb2_grpc.add_RetrievalServicer_to_server(servicer, server)
    add = server.add_insecure_port if credentials is None else lambda at: server.add_secure_port(at, credentials)
    port = add("localhost:0")
    server.start()
    yield f"localhost:{port}"
    server.stop(None).wait()


@pytest.fixture
def scripted() -> Scripted:
    return Scripted()


@pytest.fixture
def client(scripted: Scripted) -> Iterator[anybind.Client]:
    with running(scripted) as address, anybind.Client(address) as client:
        yield client


@pytest.mark.parametrize("fault", [UNAVAILABLE, ASKED_TO_COME_AGAIN])
def test_a_call_is_repeated_while_that_may_help(scripted, client, fault):
    scripted.script = [fault, fault]
    assert client.embed([anybind.text("a dog")]).shape == (1, 8)
    assert len(scripted.requests) == 3


def test_a_call_is_not_repeated_for_ever(scripted, client):
    scripted.script = [ASKED_TO_COME_AGAIN] * 10
    with pytest.raises(anybind.Overloaded) as failure:
        client.info()
    assert len(scripted.requests) == 4
    assert failure.value.retry_delay_s == pytest.approx(0.01)


def test_the_server_says_how_long_to_wait(scripted, client):
    scripted.script = [failing(grpc.StatusCode.RESOURCE_EXHAUSTED, retry_after(0.5))]
    began = time.monotonic()
    client.info()
    assert time.monotonic() - began >= 0.5


def test_a_wait_past_the_deadline_is_not_begun(scripted, client):
    scripted.script = [failing(grpc.StatusCode.RESOURCE_EXHAUSTED, retry_after(0.9))] * 2
    began = time.monotonic()
    with pytest.raises(anybind.Overloaded):
        client.info(deadline_s=0.8)
    assert time.monotonic() - began < 0.8
    assert len(scripted.requests) == 1


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (failing(grpc.StatusCode.INVALID_ARGUMENT), anybind.InvalidRequest),
        (failing(grpc.StatusCode.FAILED_PRECONDITION), anybind.NoIndex),
        (failing(grpc.StatusCode.NOT_FOUND), anybind.NotFound),
        (failing(grpc.StatusCode.UNAUTHENTICATED), anybind.NotAllowed),
        (failing(grpc.StatusCode.RESOURCE_EXHAUSTED), anybind.Overloaded),
        (failing(grpc.StatusCode.INTERNAL), anybind.ServerFault),
        (failing(grpc.StatusCode.UNIMPLEMENTED), anybind.ServerFault),
    ],
)
def test_what_asking_again_would_not_change_is_raised_at_once(scripted, client, fault, kind):
    scripted.script = [fault]
    with pytest.raises(kind, match=r"Not now\."):
        client.info()
    assert len(scripted.requests) == 1


def test_the_servers_name_for_an_error_is_its_code(scripted, client):
    named = ErrorInfo(reason="UNDECODABLE", domain="anybind")
    scripted.script = [failing(grpc.StatusCode.INVALID_ARGUMENT, named), failing(grpc.StatusCode.INVALID_ARGUMENT)]
    with pytest.raises(anybind.InvalidRequest) as failure:
        client.info()
    assert failure.value.code == "UNDECODABLE"
    with pytest.raises(anybind.InvalidRequest) as failure:
        client.info()
    assert failure.value.code == "INVALID_ARGUMENT"


def test_only_items_that_found_no_room_are_sent_again(scripted, client):
    scripted.script = [[FINE, FULL, FINE, FULL], [FULL, FINE]]
    outcomes = client.embed_each([anybind.text(f"{number}") for number in range(4)])
    assert all(isinstance(outcome, anybind.Embedding) for outcome in outcomes)
    assert [[item.text for item in request.items] for request in scripted.requests] == [
        ["0", "1", "2", "3"],
        ["1", "3"],
        ["1"],
    ]


def test_items_that_never_find_room_keep_their_error(scripted, client):
    scripted.script = [[FINE, FULL], *([[FULL]] * 9)]
    _, failed = client.embed_each([anybind.text("0"), anybind.text("1")])
    assert (failed.code, failed.index) == ("OVERLOADED", 1)
    assert len(scripted.requests) == 4


def test_a_repeated_upsert_stores_under_the_same_id(scripted, client):
    scripted.script = [UNAVAILABLE]
    client.upsert([anybind.point(anybind.text("a dog"))])
    first, second = (request.points[0].id for request in scripted.requests)
    assert first == second != ""


def test_a_delete_is_never_repeated(scripted, client):
    scripted.script = [UNAVAILABLE]
    with pytest.raises(anybind.Unavailable):
        client.delete(["x"])
    assert len(scripted.requests) == 1


async def test_the_async_client_repeats_alike(scripted):
    with running(scripted) as address:
        async with anybind.AsyncClient(address) as client:
            scripted.script = [UNAVAILABLE, [FULL]]
            assert (await client.embed([anybind.text("a dog")])).shape == (1, 8)
            assert len(scripted.requests) == 3


def test_no_server_is_said_in_a_sentence():
    with anybind.Client("localhost:1") as client, pytest.raises(anybind.Unavailable, match="anybind serve"):
        client.info()


def test_a_server_that_does_not_answer_meets_the_deadline(scripted, client):
    scripted.script = [lambda context: time.sleep(1)]
    with pytest.raises(anybind.DeadlineExceeded, match="deadline_s"):
        client.info(deadline_s=0.2)


def test_infinity_is_no_deadline(scripted):
    left = []
    scripted.script = [lambda context: left.append(context.time_remaining())] * 2
    with running(scripted) as address, anybind.Client(address, deadline_s=math.inf) as client:
        client.info()
        client.info(deadline_s=5)
    assert left[0] is None or left[0] > 1e6
    assert left[1] < 6


def test_a_message_over_the_servers_limit_is_a_fault_of_the_request(scripted, client):
    with pytest.raises(anybind.InvalidRequest, match="larger than") as failure:
        client.embed([anybind.image(bytes(5 << 20))])  # gRPC's own limit is 4 MiB
    assert failure.value.code == "TOO_LARGE"


@pytest.mark.parametrize("address", ["localhost", "", "http://localhost:7860", "localhost:http"])
def test_an_address_that_is_none_is_refused(address):
    with pytest.raises(ValueError, match="looks like localhost:7860"):
        anybind.Client(address)


def test_a_token_goes_with_every_call_but_never_in_the_clear_to_another_machine(scripted):
    with running(scripted) as address, anybind.Client(address, token="secret") as client:
        client.info()
        assert scripted.metadata["authorization"] == "Bearer secret"
    with pytest.raises(ValueError, match="TLS"):
        anybind.Client("example.org:7860", token="secret")
    anybind.Client("[::1]:7860", token="secret").close()
    anybind.Client("example.org:7860", token="secret", tls=anybind.Tls()).close()


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate of localhost, signed by itself."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is needed to make a certificate")
    folder = tmp_path_factory.mktemp("keys")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    command += " -addext subjectAltName=DNS:localhost -keyout key.pem -out cert.pem"
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    return folder


def test_tls_is_spoken_and_an_unknown_server_is_not_trusted(scripted, keys):
    pair = [(keys.joinpath("key.pem").read_bytes(), keys.joinpath("cert.pem").read_bytes())]
    with running(scripted, grpc.ssl_server_credentials(pair)) as address:
        with anybind.Client(address, tls=anybind.Tls(ca=keys / "cert.pem"), token="secret") as client:
            assert client.info().model == "scripted"
        with anybind.Client(address, tls=anybind.Tls()) as client, pytest.raises(anybind.Unavailable):
            client.info()


def test_a_server_may_want_to_know_its_clients(scripted, keys):
    key, certificate = keys.joinpath("key.pem").read_bytes(), keys.joinpath("cert.pem").read_bytes()
    credentials = grpc.ssl_server_credentials([(key, certificate)], certificate, require_client_auth=True)
    with running(scripted, credentials) as address:
        known = anybind.Tls(ca=keys / "cert.pem", certificate=keys / "cert.pem", key=keys / "key.pem")
        with anybind.Client(address, tls=known) as client:
            assert client.info().model == "scripted"
        unknown = anybind.Tls(ca=keys / "cert.pem")
        with anybind.Client(address, tls=unknown) as client, pytest.raises(anybind.Unavailable):
            client.info()
    with pytest.raises(ValueError, match="both or neither"):
        anybind.Client("localhost:1", tls=anybind.Tls(key=keys / "key.pem"))


def test_importing_anybind_imports_nothing_heavy():
    code = (
        "import sys, anybind; assert not {'grpc', 'numpy', 'torch', 'onnxruntime'} & set(sys.modules);"
        "anybind.Client; assert not {'torch', 'onnxruntime', 'PIL', 'anybind.server'} & set(sys.modules);"
        "assert all(hasattr(anybind, name) for name in anybind.__all__)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
