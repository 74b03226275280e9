"""Permits at the door: how many bytes of items may be held at once."""

from collections.abc import Iterator
from contextlib import contextmanager

from .errors import Overloaded
from .metrics import Metrics

_RETRY_S = 0.5


class Permits:
    """Counts the bytes of items accepted and not yet answered, and refuses what would go past the limit."""

    def __init__(self, limit_bytes: int, metrics: Metrics) -> None:
        self._limit_bytes, self._metrics, self._held_bytes = limit_bytes, metrics, 0

    @property
    def held_bytes(self) -> int:
        return self._held_bytes

    @contextmanager
    def hold(self, count: int) -> Iterator[None]:
        """Holds `count` bytes while inside.

        Raises:
          Overloaded: there is no room for them beside what is held. An idle server always has room.
        """
        self.take(count)
        try:
            yield
        finally:
            self.give_back(count)

    def take(self, count: int) -> None:
        """As `hold`, until `give_back`."""
        if self._held_bytes and self._held_bytes + count > self._limit_bytes:
            self._metrics.refused.labels("bytes").inc()
            raise Overloaded(
                f"The server holds {self._held_bytes:,} bytes of items and takes {self._limit_bytes:,}; "
                f"{count:,} more do not fit. Try again later.",
                retry_delay_s=_RETRY_S,
            )
        self._held_bytes += count
        self._metrics.held_bytes.set(self._held_bytes)

    def give_back(self, count: int) -> None:
        self._held_bytes -= count
        self._metrics.held_bytes.set(self._held_bytes)
