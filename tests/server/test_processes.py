"""The server as a process, or several: signals, drain, exit status."""

import re
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
import toys

from anybind.proto.v1 import embedding_pb2 as pb
from anybind.proto.v1.embedding_pb2_grpc import EmbeddingStub
from anybind.server.processes import run_processes
from anybind.server.serve import StartError
from anybind.server.settings import Settings

ONE = """
    import asyncio, sys
    from anybind.server.serve import run
    from anybind.server.settings import Settings
    settings = Settings(model=sys.argv[1], address="127.0.0.1:0", isolate=False)
    asyncio.run(run(settings, lambda server: print(server.address, flush=True)))
"""
TWO = """
    import os, sys
    from anybind.server.processes import run_processes
    from anybind.server.settings import Settings
    settings = Settings(model=sys.argv[1], address="127.0.0.1:0", isolate=False)
    sys.exit(run_processes(settings, 2, lambda server: print(server.address, os.getpid(), flush=True)))
"""


@contextmanager
def program(text: str, model: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(text), str(model)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def space_of(address: str) -> str:
    with grpc.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
        return EmbeddingStub(channel).Info(pb.InfoRequest(), timeout=20, wait_for_ready=True).space_id


@pytest.mark.parametrize("signal_", [signal.SIGTERM, signal.SIGINT])
def test_a_server_told_to_stop_exits_with_zero(toy: Path, signal_: signal.Signals) -> None:
    with program(ONE, toy) as process:
        assert space_of(process.stdout.readline().strip())
        process.send_signal(signal_)
        assert process.wait(30) == 0


def test_sighup_swaps_the_model(tmp_path: Path) -> None:
    folder = toys.artifact(tmp_path / "model", ["text"])
    with program(ONE, folder) as process:
        address = process.stdout.readline().strip()
        before = space_of(address)
        toys.artifact(folder, ["text"], seed=1)
        process.send_signal(signal.SIGHUP)
        spaces = (space_of(address) for _ in range(1000))
        assert any(space != before for space in spaces)


def test_sighup_with_a_broken_model_leaves_the_old_one_serving(tmp_path: Path) -> None:
    folder = toys.artifact(tmp_path / "model", ["text"])
    with program(ONE, folder) as process:
        address = process.stdout.readline().strip()
        before = space_of(address)
        (folder / "text.onnx").write_bytes(b"broken")
        process.send_signal(signal.SIGHUP)
        assert "Not reloaded: " in process.stderr.readline()
        assert space_of(address) == before


def test_several_processes_share_a_port_and_drain_together(toy: Path) -> None:
    with program(TWO, toy) as process:
        lines = [process.stdout.readline().split() for _ in range(2)]
        assert lines[0][0] == lines[1][0]
        assert lines[0][1] != lines[1][1]
        assert all(space_of(lines[0][0]) for _ in range(6))
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def test_several_processes_end_with_their_supervisor_however_it_ends(toy: Path) -> None:
    with program(TWO, toy) as process:
        for _ in range(2):
            process.stdout.readline()
        process.kill()
        # Both hold the output: it ends when they have ended.
        assert process.communicate(timeout=30)[0] == ""


def test_several_processes_still_notice_a_port_that_is_taken(toy: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StartError, match=f"127.0.0.1:{port} cannot be listened on"):
            run_processes(Settings(model=str(toy), address=f"127.0.0.1:{port}"), 2)


def test_a_socket_s_path_cannot_be_shared(toy: Path) -> None:
    with pytest.raises(StartError, match="cannot be shared"):
        run_processes(Settings(model=str(toy), address="unix:/tmp/x"), 2)


def test_processes_that_cannot_start_say_why_and_end(tmp_path: Path) -> None:
    with program(TWO, tmp_path) as process:
        assert process.wait(30) == 1
        assert re.search("is no artifact", process.stderr.read())
