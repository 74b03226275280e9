"""Decoding, off the event loop."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from ..proto.v1 import embedding_pb2 as pb
from ..proto.v1.manifest_pb2 import Encoder
from .decode import Rows, decode
from .errors import DeadlineExceeded
from .limits import Limits

if TYPE_CHECKING:
    from tokenizers import Tokenizer


class Decoders:
    """A pool of decoding threads. An item whose caller left or whose deadline passed while it waited costs nothing."""

    def __init__(self, count: int, limits: Limits, *, dropped: Callable[[str, str], None]) -> None:
        """Args:
        dropped: told of each item dropped here: modality, "cancelled" or "deadline".
        """
        self._limits, self._dropped = limits, dropped
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="decode")

    async def decode(
        self, encoder: Encoder, item: pb.Item, tokenizer: "Tokenizer | None" = None, deadline: float | None = None
    ) -> Rows:
        """The item's rows; see `decode.decode`.

        Args:
          deadline: in seconds of `time.monotonic()`.

        Raises:
          ServingError: what is wrong with the item, or DeadlineExceeded.
        """

        def work() -> Rows:
            if deadline is not None and time.monotonic() >= deadline:
                raise DeadlineExceeded("The deadline passed before the item was decoded.")
            return decode(encoder, item, self._limits, tokenizer)

        waiting = self._threads.submit(work)
        try:
            return await asyncio.wrap_future(waiting)
        except asyncio.CancelledError:
            if waiting.cancelled():
                self._dropped(item.modality, "cancelled")
            raise
        except DeadlineExceeded:
            self._dropped(item.modality, "deadline")
            raise

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
