"""The embedded mode: the same gRPC server, in a thread of this process, on a socket that only this user can reach.

So there is one way from an item to its embedding, with a server and without.
"""

import asyncio
import os
import tempfile
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager

from .errors import CannotStart, MissingExtra

_STOP_S = 10.0


@contextmanager
def embedded_server(model: str = "nano", index: str = "", modalities: Sequence[str] = ()) -> Iterator[str]:
    """Runs a server of its own for as long as the block lasts, and gives its address, `unix:path`.

    Args:
      model: an artifact folder, or the name of a packaged model.
      index: where points are kept, as `anybind serve --index` takes it; "" for no retrieval.
      modalities: to load only these; by default all that the model has.

    Raises:
      MissingExtra: the packages that serve are not installed.
      CannotStart: the model, the index or the machine is not as it should be; the message says what to do.
    """
    try:
        from ..server.serve import Settings, StartError, start
    except ModuleNotFoundError as error:
        raise MissingExtra("Embedding on this machine", "server", error) from error

    started: Future[str] = Future()
    stop = threading.Event()

    async def serve(folder: str) -> None:
        # Whose files these are, theirs is the process: decoding needs no processes of its own, which take a second.
        settings = Settings(
            model=model, index=index, address=f"unix:{folder}/anybind", modalities=tuple(modalities), isolate=False
        )
        try:
            server = await start(settings)
        except StartError as error:
            started.set_exception(CannotStart(str(error)))
            return
        except BaseException as error:
            started.set_exception(error)
            return
        started.set_result(server.address)
        await asyncio.to_thread(stop.wait)
        await server.stop(_STOP_S)

    with tempfile.TemporaryDirectory(prefix="anybind-", dir=_short_folder()) as folder:  # made with mode 0700
        thread = threading.Thread(target=lambda: asyncio.run(serve(folder)), name="anybind-embedded", daemon=True)
        thread.start()
        try:
            yield started.result()
        finally:
            stop.set()
            thread.join()


def _short_folder() -> str:
    """Where temporary folders go; /tmp where that is so long that a socket's path would not fit its 108 bytes."""
    usual = tempfile.gettempdir()
    return usual if len(os.fsencode(usual)) < 70 else "/tmp"
