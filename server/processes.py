"""Several server processes on one port, where one process cannot use all cores: the kernel deals connections out."""

import asyncio
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from .decoders import cores
from .listening import StartError
from .serve import Server, run
from .settings import Settings

log = logging.getLogger(__name__)

_TOO_SOON_S = 5.0  # a process that ends earlier than this after its start would end again


def run_processes(settings: Settings, count: int, started: Callable[[Server], None] = lambda server: None) -> int:
    """Serves from `count` processes until SIGTERM or SIGINT, and gives the exit status: 0 when all drained.

    Cores are shared out evenly; a process that dies is replaced; SIGHUP reloads each; the metrics of process i are
    on the port `i` above the one set. Call it from a program's main thread before it has others.

    Raises:
      StartError: the port is taken, or the address is not one that can be shared.
    """
    with _hold_port(settings.address) as holder:
        host = settings.address.rpartition(":")[0]
        shared = replace(
            settings,
            address=f"{host}:{holder.getsockname()[1]}",
            share_port=True,
            threads=settings.threads or max(cores() // count, 1),
            decoders=settings.decoders or max(cores() // count, 1),
        )
        return _Supervisor([_of_process(shared, i) for i in range(count)], started).watch()


class _Supervisor:
    def __init__(self, each: list[Settings], started: Callable[[Server], None]) -> None:
        self._started = started
        self._stopping = False
        self._alive = os.pipe()  # closed by the kernel when the supervisor ends, however it ends
        self._running: dict[int, tuple[Settings, float]] = {}
        for settings in each:
            self._fork(settings)
        for signal_ in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(signal_, self._pass_on)

    def watch(self) -> int:
        """Waits for the processes, and replaces those that should not have ended."""
        worst = 0
        while self._running:
            pid, status = os.wait()
            settings, began_s = self._running.pop(pid)
            code = os.waitstatus_to_exitcode(status)
            if self._stopping:
                worst = worst or (0 if code == -signal.SIGTERM else abs(code))  # told to before it could listen
            elif time.monotonic() - began_s < _TOO_SOON_S:
                worst = abs(code) or 1
                self._pass_on(signal.SIGTERM, None)
            else:
                log.error("server process %d ended with %d; another takes its place", pid, code)
                self._fork(settings)
        return worst

    def _fork(self, settings: Settings) -> None:
        pid = os.fork()
        if pid:
            self._running[pid] = (settings, time.monotonic())
            return
        for signal_ in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(signal_, signal.SIG_DFL)
        ours, supervisors = self._alive
        os.close(supervisors)
        threading.Thread(target=_end_with, args=[ours], daemon=True).start()
        os._exit(_serve(settings, self._started))

    def _pass_on(self, signal_: int, frame: object) -> None:
        self._stopping = self._stopping or signal_ != signal.SIGHUP
        for pid in self._running:
            os.kill(pid, signal_)


def _end_with(pipe: int) -> None:
    """Waits until nobody holds the pipe's other end; then this process drains and ends."""
    os.read(pipe, 1)
    os.kill(os.getpid(), signal.SIGTERM)


def _serve(settings: Settings, started: Callable[[Server], None]) -> int:
    try:
        asyncio.run(run(settings, started))
    except StartError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _of_process(settings: Settings, number: int) -> Settings:
    if not settings.metrics:
        return settings
    host, _, port = settings.metrics.rpartition(":")
    return replace(settings, metrics=f"{host}:{int(port) + number}")


def _hold_port(address: str) -> socket.socket:
    """A socket that keeps the port for the processes, and listens on nothing itself.

    Raises:
      StartError: the port is taken, also by one who would share it.
    """
    host, _, port = address.rpartition(":")
    if address.startswith("unix:") or not port.isdigit():
        raise StartError(f"Several processes share host:port; {address!r} cannot be shared.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    where = (host.strip("[]"), int(port))
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)
        holder = socket.socket(family)
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind(where)
    except OSError as error:
        raise StartError(f"{address} cannot be listened on: {error.strerror}. Choose another --address.") from error
    return holder
