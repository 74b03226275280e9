"""Which files hold something to index, and of which modality.

By the file's name: pictures are images, sounds are audio, each line of a `.txt` is a text. A 16-bit grey PNG or a
`.npy` is a depth map when its name, or that of a folder on its way, has the word "depth" in it. Where the modality is
named, every file is of that one.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

PICTURES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp"})
SOUNDS = frozenset({".wav", ".flac", ".ogg", ".mp3"})
TEXTS = frozenset({".txt"})
_MAPS = frozenset({".png", ".npy"})
_INDEX_FILE = "anybind.json"  # what makes a folder an index, see server/index/edge.py
_PNG_START = b"\x89PNG\r\n\x1a\n"
_PNG_DEPTH, _PNG_KIND = 24, 25  # where the header says bits a sample, and the kind of pixel: 0 is grey


@dataclass(frozen=True)
class Found:
    """A file with something in it."""

    path: Path  # absolute
    modality: str


@dataclass(frozen=True)
class Skipped:
    """What is not indexed, and why. `failed` where it should have been, and could not."""

    where: str
    reason: str
    failed: bool = True


def walk(paths: Sequence[Path], modality: str = "") -> Iterator[Found | Skipped]:
    """Every file at these paths and in the folders below them, each once, in the order of their names.

    Hidden files and folders, and folders that are an index, are passed over in silence; links to folders are not
    followed.

    Args:
      modality: of every file; "" goes by their names.
    """
    seen: set[Path] = set()
    for root in paths:
        absolute = Path(os.path.abspath(root))
        if not absolute.exists():
            yield Skipped(str(root), "there is no such file or folder")
            continue
        for path in _files(absolute) if absolute.is_dir() else [absolute]:
            if isinstance(path, Skipped):
                yield path
            elif path not in seen:
                seen.add(path)
                yield _found(path, absolute.parent, modality)


def _files(folder: Path) -> Iterator[Path | Skipped]:
    unreadable: list[OSError] = []
    for here, folders, files in os.walk(folder, onerror=unreadable.append):
        if _INDEX_FILE in files:
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(here, name) for name in sorted(files) if not name.startswith("."))
    for error in unreadable:
        yield Skipped(str(error.filename), f"the folder cannot be read: {error.strerror}")


def _found(path: Path, root: Path, modality: str) -> Found | Skipped:
    if modality:
        return Found(path, modality)
    kind = path.suffix.lower()
    try:
        if kind in _MAPS and "depth" in str(path.relative_to(root)).lower() and (kind == ".npy" or _is_grey_16(path)):
            return Found(path, "depth")
    except OSError as error:
        return Skipped(str(path), f"{error.strerror}")
    if kind in PICTURES:
        return Found(path, "image")
    if kind in SOUNDS:
        return Found(path, "audio")
    if kind in TEXTS:
        return Found(path, "text")
    if kind == ".npy":
        return Skipped(str(path), "an array does not say what it is: name its modality with --as", failed=False)
    return Skipped(str(path), f"no picture, sound or text by its name ({kind or 'without an ending'})", failed=False)


def _is_grey_16(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(_PNG_KIND + 1)
    return head.startswith(_PNG_START) and len(head) > _PNG_KIND and head[_PNG_DEPTH] == 16 and head[_PNG_KIND] == 0
