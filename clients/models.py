"""The models at hand: those that came with the package, and artifact folders by their paths."""

from pathlib import Path

from ..proto import manifest as contract
from ..proto.v1.manifest_pb2 import Encoder, Manifest

PACKAGED = Path(__file__).resolve().parents[1] / "server" / "models"


def packaged() -> list[Path]:
    """Folders of the packaged models, in the order of their names."""
    return sorted(path.parent for path in PACKAGED.glob(f"*/{contract.FILE_NAME}"))


def folder_of(model: str) -> Path:
    """A model's folder, whether it was named by a path or, if packaged, by its name."""
    named = PACKAGED / model
    return named if named in packaged() else Path(model)


def read(model: str) -> Manifest:
    """A model's manifest. Raises `ManifestError` where there is none, or one that cannot be."""
    return contract.read(folder_of(model))


def size_bytes(folder: Path, encoder: Encoder) -> int:
    """How much an encoder takes on disk."""
    files = (folder / name for name in (encoder.file, *encoder.external_files))
    return sum(path.stat().st_size for path in files if path.is_file())
