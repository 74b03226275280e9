"""From files to stored points, as often as one likes: what is stored already and has not changed is not sent again.

```
walk ─> read, fingerprint ─> batches ─> which are new? ─> upsert
```
A point's id is made of modality and uri, its content_id of the file's bytes and the encoder's fingerprint: so a changed
file or a new encoder replaces the point, and a second run finds everything unchanged. A batch counts when the server
has acknowledged it, that is, when it is on disk: whatever ends a run, the next one continues where it stopped.
"""

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from ..proto.v1 import embedding_pb2 as pb
from ..proto.v1 import retrieval_pb2 as rpb
from . import items
from .client import Client
from .errors import ItemError
from .requests import point
from .walk import Found, Skipped, walk

_POINTS_A_BATCH = 32
_BYTES_A_BATCH = 8 << 20
_BATCHES_AT_ONCE = 3  # one being embedded, one on its way, one being read
_ROOM_BYTES = 64 << 10
_MAX_TITLE_BYTES = 1024


@dataclass
class Tally:
    """What became of everything that was found."""

    indexed: int = 0
    unchanged: int = 0
    skipped: list[Skipped] = field(default_factory=list)

    @property
    def failed(self) -> int:
        """How many could not be indexed though they should have been."""
        return sum(one.failed for one in self.skipped)


@dataclass(frozen=True)
class Progress:
    """How far a run has come, in files read."""

    done: int
    total: int


def index_paths(
    client: Client,
    paths: Sequence[Path],
    *,
    modality: str = "",
    depth_unit_m: float | None = None,
    progress: Callable[[Progress], None] = lambda progress: None,
    skipped: Callable[[Skipped], None] = lambda skipped: None,
) -> Tally:
    """Indexes files, and the files in folders, and says what became of them.

    Args:
      modality: of every file; "" goes by their names, see `walk`.
      depth_unit_m: metres a count, for depth maps of integers; by default 0.001.
      progress: is told how far it has come.
      skipped: is told of everything left out, and why, as it happens.

    Raises:
      CallError: the server failed, or went away. What it has acknowledged stays; run it again.

    At most three batches, of 32 points or 8 MiB each, are in memory at once.
    """
    tally = Tally()

    def skip(one: Skipped) -> None:
        tally.skipped.append(one)
        skipped(one)

    reader = _Reader(client.info(), depth_unit_m)
    entries = list(walk(paths, modality))
    points = _points(entries, reader, skip, progress)
    under_way: deque[Future[_Done]] = deque()
    with ThreadPoolExecutor(_BATCHES_AT_ONCE, thread_name_prefix="anybind-index") as threads:
        try:
            for batch in _batches(points):
                under_way.append(threads.submit(_store, client, batch))
                if len(under_way) == _BATCHES_AT_ONCE:
                    under_way.popleft().result().add_to(tally, skip)
            while under_way:
                under_way.popleft().result().add_to(tally, skip)
        except BaseException:
            for future in under_way:
                future.cancel()
            raise
    return tally


@dataclass(frozen=True)
class _Done:
    """What became of one batch."""

    indexed: int
    unchanged: int
    errors: Sequence[ItemError]

    def add_to(self, tally: Tally, skip: Callable[[Skipped], None]) -> None:
        tally.indexed += self.indexed
        tally.unchanged += self.unchanged
        for error in self.errors:
            skip(Skipped(error.source, f"{error.code}: {error.message}"))


def _store(client: Client, batch: Sequence[rpb.PointInput]) -> _Done:
    stored = {one.id: one.content_id for one in client.get([one.id for one in batch])}
    new = [one for one in batch if stored.get(one.id) != one.content_id]
    outcomes = client.upsert_each(new) if new else []
    errors = [outcome for outcome in outcomes if isinstance(outcome, ItemError)]
    return _Done(len(new) - len(errors), len(batch) - len(new), errors)


def _points(
    entries: Sequence[Found | Skipped],
    reader: "_Reader",
    skip: Callable[[Skipped], None],
    progress: Callable[[Progress], None],
) -> Iterator[rpb.PointInput]:
    for number, entry in enumerate(entries):
        progress(Progress(number, len(entries)))
        if isinstance(entry, Skipped):
            skip(entry)
            continue
        try:
            yield from reader.read(entry)
        except OSError as error:  # it may have vanished since it was found
            skip(Skipped(str(entry.path), error.strerror or str(error)))
        except _Unfit as error:
            skip(Skipped(str(entry.path), str(error)))
    progress(Progress(len(entries), len(entries)))


class _Unfit(Exception):
    """A file that is not sent, and why."""


class _Reader:
    """Reads files into points, their content_ids filled in."""

    def __init__(self, info: pb.InfoResponse, depth_unit_m: float | None) -> None:
        self._encoders = {one.encoder.modality: one.encoder for one in info.modalities}
        # A point travels in one message, with all else that is said of it.
        self._max_bytes = min(info.limits.item_bytes, info.limits.message_bytes - _ROOM_BYTES)
        self._depth_unit_m = depth_unit_m

    def read(self, found: Found) -> Iterator[rpb.PointInput]:
        """The points a file holds: one, or for text one a line that is not blank.

        Raises:
          OSError: the file cannot be read, or is gone.
          _Unfit: it cannot be what it should be; nothing of it is sent.
        """
        encoder = self._encoders.get(found.modality)
        if encoder is None:
            raise _Unfit(f"the model has no {found.modality}; it has {', '.join(self._encoders)}")
        size = found.path.stat().st_size
        if size > self._max_bytes:
            raise _Unfit(f"{size:,} bytes; the server takes at most {self._max_bytes:,}")
        if encoder.WhichOneof("recipe") == "text":
            yield from self._lines(found, encoder.fingerprint)
            return
        unit_m = self._depth_unit_m if found.modality == "depth" else None
        item = items.item(found.modality, found.path, unit_m=unit_m)
        content_id = _content_id(encoder.fingerprint, f"{unit_m}", item.proto.data)
        yield point(item, title=found.path.name, content_id=content_id)

    def _lines(self, found: Found, fingerprint: str) -> Iterator[rpb.PointInput]:
        try:
            words = found.path.read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise _Unfit(f"no UTF-8 text: byte {error.start} is {error.object[error.start]:#04x}") from error
        for number, line in enumerate(words.split("\n"), 1):
            if line.strip():
                item = items.text(line.strip(), modality=found.modality)
                content_id = _content_id(fingerprint, "", line.strip().encode())
                yield point(item, uri=f"{found.path}#L{number}", title=_title(line.strip()), content_id=content_id)


def _content_id(fingerprint: str, unit: str, content: bytes) -> str:
    digest = hashlib.sha256(f"{fingerprint}\n{unit}\n".encode())
    digest.update(content)
    return digest.hexdigest()


def _title(line: str) -> str:
    return line.encode()[:_MAX_TITLE_BYTES].decode(errors="ignore")


def _batches(points: Iterable[rpb.PointInput]) -> Iterator[list[rpb.PointInput]]:
    batch: list[rpb.PointInput] = []
    total = 0
    for one in points:
        size = one.ByteSize()
        if batch and (len(batch) == _POINTS_A_BATCH or total + size > _BYTES_A_BATCH):
            yield batch
            batch, total = [], 0
        batch.append(one)
        total += size
    if batch:
        yield batch
