"""`anybind bench`."""

import asyncio
from pathlib import Path

import media
import pytest

from anybind.clients import items, load
from anybind.clients.connection import Connection

QUICK = ("--seconds", "0.5", "--warm-up", "0.1")
NUMBERS = ["answers_per_s", "p50_ms", "p90_ms", "p99_ms", "max_ms"]


@pytest.mark.parametrize("loop", [("--clients", "3"), ("--rate", "30")])
def test_answers_are_measured_by_modality(anybind, server: str, tmp_path: Path, loop: tuple[str, str]) -> None:
    picture = tmp_path / "noise.png"
    picture.write_bytes(media.picture())
    ran = anybind("bench", "--server", server, "--text", "a dog", "--image", picture, *loop, *QUICK, "--json")
    assert ran.code == 0
    assert [line["modality"] for line in ran.lines] == ["image", "text", "all"]
    image, text, every = ran.lines
    assert every["answers"] == image["answers"] + text["answers"] > 0
    assert all(line[name] > 0 for line in ran.lines for name in NUMBERS)
    assert every["p50_ms"] <= every["p90_ms"] <= every["p99_ms"] <= every["max_ms"]


def test_an_open_loop_keeps_its_rate(server: str) -> None:
    wanted = load.Load([items.text("a dog")], seconds=2, warm_up_s=0.1, rate_s=50)
    *_, line = asyncio.run(load.put(wanted, Connection(server))).lines()
    assert 50 < line["answers"] < 160  # 100 are due, give or take 10


def test_items_that_fail_are_counted_by_name(anybind, server: str, tmp_path: Path) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"nothing")
    ran = anybind("bench", "--server", server, "--image", tmp_path / "bad.jpg", *QUICK, "--json")
    assert ran.code == 1
    assert list(ran.lines[-1]["errors"]) == ["UNDECODABLE"]
    assert ran.lines[-1]["answers"] == 0
    assert ran.lines[-1]["p50_ms"] is None


def test_a_table_is_for_people(anybind, server: str) -> None:
    ran = anybind("bench", "--server", server, "--text", "a dog", *QUICK)
    assert ran.code == 0
    assert "p99 ms" in ran.out


def test_a_server_that_is_not_there_is_said_so(anybind, tmp_path: Path) -> None:
    ran = anybind("bench", "--server", f"unix:{tmp_path}/none", "--text", "a dog", *QUICK)
    assert ran.code == 1
    assert "does not answer" in ran.err


def test_nothing_to_send_is_misuse(anybind, server: str) -> None:
    assert anybind("bench", "--server", server).code == 2
