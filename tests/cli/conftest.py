"""The program, run as people run it, against a toy model."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import media
import numpy as np
import pytest
import toys
from typer.testing import CliRunner

from anybind.clients.cli import app
from anybind.clients.embedded import embedded_server


@dataclass
class Ran:
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict]:
        """Standard output, as lines of JSON."""
        return [json.loads(line) for line in self.out.splitlines()]


Run = Callable[..., Ran]


@pytest.fixture
def anybind() -> Run:
    """Runs the program in this process: quick."""

    def run(*arguments: object, stdin: bytes | str = b"") -> Ran:
        result = CliRunner(env={"COLUMNS": "200"}).invoke(app, [str(one) for one in arguments], input=stdin)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ran(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def command() -> list[str]:
    """The program as a process of its own, to be given arguments."""
    return [str(Path(sys.executable).with_name("anybind"))]


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An artifact of all six modalities."""
    return toys.artifact(tmp_path_factory.mktemp("toy") / "toy")


@pytest.fixture(scope="session")
def server(toy: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a server of the toy model answers, without an index."""
    with embedded_server(str(toy)) as address:
        yield address


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two pictures, a sound, a depth map, two lines of text, and things that are none of these."""
    folder = tmp_path / "things"
    (folder / "depth").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    (folder / "red.png").write_bytes(media.picture(seed=1))
    (folder / "blue.jpg").write_bytes(media.picture("JPEG", seed=2))
    (folder / "sweep.wav").write_bytes(media.sound())
    (folder / "depth" / "room.png").write_bytes(media.depth_png(np.full((20, 20), 1500)))
    (folder / "words.txt").write_text("a dog\n\n  a cat  \n", encoding="utf-8")
    (folder / "notes.md").write_text("# nothing")
    (folder / ".hidden" / "secret.png").write_bytes(media.picture())
    return folder


def _heed_interrupts() -> None:
    """A shell that starts the tests in the background has them, and all they start, ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def spawn(command: list[str]) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts the program as a process of its own; whatever still runs is killed with the test."""
    processes: list[subprocess.Popen[str]] = []

    def start(*arguments: object) -> subprocess.Popen[str]:
        program = subprocess.Popen(
            [*command, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=_heed_interrupts,
        )
        processes.append(program)
        return program

    yield start
    for process in processes:
        process.kill()
        process.communicate()
