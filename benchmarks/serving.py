"""How fast the server is beside the raw loop, measured in turns on the same machine: `python benchmarks/serving.py`.

Prints a table, and with `--json FILE` writes the numbers. Every rate is a ratio to the raw loop's in the same turn,
because machines differ and their speed drifts; the median over the turns counts.
"""

import argparse
import json
import re
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import graphs

HERE = Path(__file__).parent
LOADS = {"12 clients, 1 picture": ("embed", 12), "Embed of 32": ("embed32", 2), "EmbedStream": ("stream", 1)}
REACH = {
    ("vit-b32", "12 clients, 1 picture"): 1.05,
    ("nano", "12 clients, 1 picture"): 0.80,
    ("vit-b32", "Embed of 32"): 1.05,
    ("vit-b32", "EmbedStream"): 1.05,
}
MAX_OVERHEAD_MS, MAX_TAIL, MAX_START_S, MAX_RESIDENT_MB = 1.5, 2.5, 2.0, 400


def main() -> None:
    options = _options()
    results = {}
    for name, build in {"nano": graphs.nano, "vit-b32": graphs.vit_b32}.items():
        if name in options.graph:
            results[name] = _measure(build(options.work), options)
            _report(name, results[name])
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")


def _measure(artifact: Path, options: argparse.Namespace) -> dict:
    turns = []
    with _server(artifact, options.serve) as (address, start_s, pid):
        for _ in range(options.turns):
            raw = _python("raw.py", artifact, options.seconds)
            turn = {"raw": raw, "one client": _python("load.py", address, "embed", 1, options.seconds)}
            for load, (kind, clients) in LOADS.items():
                turn[load] = _python("load.py", address, kind, clients, options.seconds)
            turns.append(turn)
        resident_mb = _resident_mb(pid)
    return {"start_s": start_s, "resident_mb": resident_mb, "turns": turns}


def _report(name: str, result: dict) -> None:
    turns = result["turns"]

    def over_turns(value) -> float:
        return statistics.median(map(value, turns))

    raw = over_turns(lambda turn: turn["raw"]["items_per_s"])
    decode, infer = (over_turns(lambda turn, of=of: turn["raw"][of]) for of in ("decode_ms", "infer_ms"))
    print(f"\n{name}: raw loop {raw:.1f} pictures a second ({decode:.2f} ms decode + {infer:.2f} ms infer each)")
    for load in LOADS:
        ratio = over_turns(lambda turn, load=load: turn[load]["items_per_s"] / turn["raw"]["items_per_s"])
        _line(
            load, f"{ratio:.2f} of the raw loop", ratio >= reach if (reach := REACH.get((name, load))) else None, reach
        )
    tail = over_turns(lambda turn: turn["12 clients, 1 picture"]["p99_ms"] / turn["12 clients, 1 picture"]["p50_ms"])
    _line("p99 under 12 clients", f"{tail:.2f} times the median", tail <= MAX_TAIL, MAX_TAIL)
    overhead, rested = (
        over_turns(lambda turn, of=of: turn["one client"]["p50_ms"] - turn["raw"][of])
        for of in ("one_ms", "one_rested_ms")
    )
    found = f"{overhead:.2f} ms over decode + infer"
    _line("one client, one picture", found, overhead <= MAX_OVERHEAD_MS, MAX_OVERHEAD_MS)
    _line("", f"{rested:.2f} ms over them after a rest", None, None)
    if name == "nano":
        _line("start to SERVING", f"{result['start_s']:.2f} s", result["start_s"] <= MAX_START_S, MAX_START_S)
        resident = result["resident_mb"]
        _line("resident memory", f"{resident:.0f} MB", resident <= MAX_RESIDENT_MB, MAX_RESIDENT_MB)


def _line(what: str, found: str, good: bool | None, reach: float | None) -> None:
    verdict = "" if good is None else f"{'reached' if good else 'MISSED'} ({reach:g})"
    print(f"  {what:<24} {found:<32} {verdict}")


@contextmanager
def _server(artifact: Path, extra: list[str]) -> Iterator[tuple[str, float, int]]:
    """A server in a process of its own: its address, seconds until SERVING, and its pid."""
    began_s = time.perf_counter()
    program = Path(sys.executable).with_name("anybind")
    command = [program, "serve", "--model", artifact, "--address", "127.0.0.1:0", *extra]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        for line in process.stderr:
            if found := re.search(r"127\.0\.0\.1:\d+", line):
                break
        else:
            sys.exit(f"the server did not start; it ended with {process.wait()}")
        start_s = time.perf_counter() - began_s
        threading.Thread(target=process.stderr.read, daemon=True).start()  # so that its log never fills the pipe
        yield found[0], start_s, process.pid
    finally:
        process.terminate()
        process.wait()


def _resident_mb(pid: int) -> float:
    """Of the server and its decoder processes; pages they share count once (proportional set size)."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")  # any thread may have started a process
    pids = {str(pid), *(child for path in tasks for child in path.read_text().split())}
    texts = [Path(f"/proc/{one}/smaps_rollup").read_text() for one in pids]
    return sum(int(re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)[1]) for text in texts) / 1024


def _python(script: str, *arguments: object) -> dict:
    done = subprocess.run(
        [sys.executable, HERE / script, *map(str, arguments)], stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--graph", action="append", choices=["nano", "vit-b32"], help="measure only this one")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6.0, help="of each measurement")
    parser.add_argument("--work", type=Path, default=Path("build/benchmarks"), help="where graphs are kept")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--serve", action="append", default=[], help="a further argument of `anybind serve`")
    options = parser.parse_args()
    options.graph = options.graph or ["nano", "vit-b32"]
    options.work.mkdir(parents=True, exist_ok=True)
    return options


if __name__ == "__main__":
    main()
