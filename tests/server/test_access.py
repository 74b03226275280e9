"""Who may call."""

import asyncio
import logging
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from ssl import CERT_NONE, PROTOCOL_TLS_CLIENT, PEM_cert_to_DER_cert, SSLContext

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from anybind.proto.v1 import embedding_pb2 as pb
from anybind.proto.v1.embedding_pb2_grpc import EmbeddingStub
from anybind.server.access import AccessError, Tls, Tokens
from anybind.server.listening import is_local
from anybind.server.serve import Settings, StartError, start

TLS = Path(__file__).parent / "tls"
ADA, BOB = "ada-0123456789abcdef", "bob-0123456789abcdef"
SERVER_PAIR = {"certificate": TLS / "server.pem", "key": TLS / "server.key"}


async def presented(address: str) -> bytes:
    """The certificate a new connection is met with, DER."""
    context = SSLContext(PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, CERT_NONE
    context.set_alpn_protocols(["h2"])
    host, _, port = address.rpartition(":")
    _, writer = await asyncio.open_connection(host, int(port), ssl=context)
    certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return certificate


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    path = tmp_path / "tokens"
    path.write_text(f"# who may call\n\nada {ADA}\nbob {BOB}\n")
    return path


def bearer(token: str) -> tuple[tuple[str, str]]:
    return (("authorization", f"Bearer {token}"),)


async def info(address: str, token: str | None = None, credentials: grpc.ChannelCredentials | None = None) -> str:
    """The model's name, or the name of the status that the call failed with."""
    channel = grpc.aio.secure_channel(address, credentials) if credentials else grpc.aio.insecure_channel(address)
    async with channel:
        try:
            response = await EmbeddingStub(channel).Info(
                pb.InfoRequest(), metadata=bearer(token) if token else None, timeout=10
            )
        except grpc.aio.AioRpcError as error:
            return error.code().name
    return response.model


def caller(*, certificate: bool) -> grpc.ChannelCredentials:
    own = {"private_key": (TLS / "caller.key").read_bytes(), "certificate_chain": (TLS / "caller.pem").read_bytes()}
    return grpc.ssl_channel_credentials((TLS / "ca.pem").read_bytes(), **(own if certificate else {}))


async def test_only_known_tokens_may_call(starting, tokens: Path) -> None:
    server = await starting(tokens=tokens)
    assert await info(server.address, ADA) == "toy"
    assert await info(server.address, BOB) == "toy"
    assert await info(server.address, "ada-0123456789abcdeX") == "UNAUTHENTICATED"
    assert await info(server.address) == "UNAUTHENTICATED"


async def test_streams_need_a_token_as_well(starting, tokens: Path) -> None:
    server = await starting(tokens=tokens)
    async with grpc.aio.insecure_channel(server.address) as channel:
        with pytest.raises(grpc.aio.AioRpcError, match="The call has no token"):
            await EmbeddingStub(channel).EmbedStream().read()


async def test_probes_need_no_token(starting, tokens: Path) -> None:
    server = await starting(tokens=tokens)
    async with grpc.aio.insecure_channel(server.address) as channel:
        response = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
    assert response.status == health_pb2.HealthCheckResponse.SERVING


async def test_a_reload_reads_the_tokens_again(starting, tokens: Path) -> None:
    server = await starting(tokens=tokens)
    tokens.write_text(f"bob {BOB}\n")
    assert await info(server.address, ADA) == "toy"
    await server.reload()
    assert await info(server.address, ADA) == "UNAUTHENTICATED"
    assert await info(server.address, BOB) == "toy"


async def test_a_reload_that_is_refused_takes_no_tokens(starting, toy: Path, tokens: Path, tmp_path: Path) -> None:
    model = Path(shutil.copytree(toy, tmp_path / "model"))
    server = await starting(tokens=tokens, model=str(model))
    tokens.write_text(f"bob {BOB}\n")
    (model / "manifest.json").write_text("broken")
    with pytest.raises(StartError, match="Not reloaded"):
        await server.reload()
    assert await info(server.address, ADA) == "toy"


async def test_a_token_may_have_only_so_many_calls_open(starting, tokens: Path) -> None:
    server = await starting(tokens=tokens, token_calls=1)
    async with grpc.aio.insecure_channel(server.address) as channel:
        stream = EmbeddingStub(channel).EmbedStream(metadata=bearer(ADA))
        await stream.write(pb.EmbedStreamRequest(id="1", item=pb.Item(modality="text", text="a dog")))
        assert (await stream.read()).id == "1"
        assert await info(server.address, ADA) == "RESOURCE_EXHAUSTED"
        assert await info(server.address, BOB) == "toy"
        await stream.done_writing()
        assert await stream.read() is grpc.aio.EOF
    assert await info(server.address, ADA) == "toy"


async def test_tokens_are_never_logged(starting, tokens: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        server = await starting(tokens=tokens)
        await info(server.address, ADA)
        await info(server.address, "wrong-0123456789abcdef")
    assert ADA not in caplog.text
    assert "wrong-0123456789abcdef" not in caplog.text


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "has no token"), ("ada\n", "line 1: NAME TOKEN"), ("# x\nada short\n", "line 2: NAME TOKEN is needed")],
)
def test_a_token_file_that_lets_nobody_in_is_refused(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "tokens"
    path.write_text(text)
    with pytest.raises(AccessError, match=words) as refusal:
        Tokens(path)
    assert "short" not in str(refusal.value)


def test_a_token_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AccessError, match="cannot be read"):
        Tokens(tmp_path / "none")


async def test_tls_encrypts_and_refuses_plain_callers(starting) -> None:
    server = await starting(tls=Tls(**SERVER_PAIR), address="localhost:0")
    assert await info(server.address, credentials=caller(certificate=False)) == "toy"
    assert await info(server.address) == "UNAVAILABLE"


async def test_mutual_tls_asks_callers_for_a_certificate(starting) -> None:
    server = await starting(tls=Tls(**SERVER_PAIR, client_ca=TLS / "ca.pem"), address="localhost:0")
    assert await info(server.address, credentials=caller(certificate=True)) == "toy"
    assert await info(server.address, credentials=caller(certificate=False)) == "UNAVAILABLE"


async def test_a_reload_reads_the_certificate_again(starting, tmp_path: Path) -> None:
    files = {name: Path(shutil.copy(path, tmp_path)) for name, path in SERVER_PAIR.items()}
    server = await starting(tls=Tls(**files), address="localhost:0")
    assert await presented(server.address) == PEM_cert_to_DER_cert((TLS / "server.pem").read_text())
    shutil.copy(TLS / "caller.pem", files["certificate"])
    with pytest.raises(StartError, match="are not a certificate and its key"):
        await server.reload()  # half of the change
    assert await presented(server.address) == PEM_cert_to_DER_cert((TLS / "server.pem").read_text())
    shutil.copy(TLS / "caller.key", files["key"])
    await server.reload()
    assert await presented(server.address) == PEM_cert_to_DER_cert((TLS / "caller.pem").read_text())


async def test_a_key_that_cannot_be_read_stops_the_start(toy: Path, tmp_path: Path) -> None:
    tls = Tls(certificate=tmp_path / "none.pem", key=tmp_path / "none.key")
    with pytest.raises(StartError, match="A TLS file cannot be read"):
        await start(Settings(model=str(toy), address="127.0.0.1:0", tls=tls))


async def test_an_address_others_can_reach_needs_tls_or_tokens_or_a_word(starting, toy: Path, tokens: Path) -> None:
    with pytest.raises(StartError, match="nothing keeps strangers out"):
        await start(Settings(model=str(toy), address="0.0.0.0:0"))
    await starting(address="0.0.0.0:0", tokens=tokens)
    await starting(address="0.0.0.0:0", insecure=True)


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("127.0.0.1:1", True),
        ("localhost:1", True),
        ("[::1]:1", True),
        ("unix:/run/anybind", True),
        ("0.0.0.0:1", False),
        ("[::]:1", False),
        ("10.0.0.1:1", False),
        ("example.org:1", False),
    ],
)
def test_loopback_is_told_from_the_world(address: str, local: bool) -> None:
    assert is_local(address) is local


async def test_the_server_opens_no_path_that_a_caller_names(starting, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("a dog")
    server = await starting()

    async def answers(*items: pb.Item) -> AsyncIterator[pb.ItemResult]:
        async with grpc.aio.insecure_channel(server.address) as channel:
            for result in (await EmbeddingStub(channel).Embed(pb.EmbedRequest(items=items))).results:
                yield result

    for name in (str(secret), secret.as_uri()):
        asked = [pb.Item(modality="image", data=name.encode()), pb.Item(modality="text", text=name)]
        picture, text = [result async for result in answers(*asked)]
        assert picture.error.code == pb.ERROR_CODE_UNDECODABLE
        (content,) = [result async for result in answers(pb.Item(modality="text", text="a dog"))]
        assert text.embedding.data != content.embedding.data  # the name is text like any other
