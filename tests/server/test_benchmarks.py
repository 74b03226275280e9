"""The benchmark's parts run, on a toy; what they measure is for `make bench` to say."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


def run(script: str, *arguments: object) -> dict:
    done = subprocess.run(
        [sys.executable, BENCHMARKS / script, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_the_raw_loop_measures_rate_decode_and_inference(toy: Path) -> None:
    measured = run("raw.py", toy, 0.2)
    assert measured["items_per_s"] > 0
    assert measured["one_ms"] >= 0.5 * measured["decode_ms"] > 0


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "clients"), [("embed", 3), ("embed32", 1), ("stream", 1)])
async def test_callers_of_every_kind_are_answered(server, kind: str, clients: int) -> None:
    measured = await asyncio.to_thread(run, "load.py", server.address, kind, clients, 5.0)
    assert measured["items_per_s"] > 0
    assert measured["p50_ms"] <= measured["p99_ms"]
