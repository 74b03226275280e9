"""An artifact folder, opened for serving."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..proto import manifest as contract
from ..proto.v1.manifest_pb2 import Encoder, Manifest

MODELS = Path(__file__).parent / "models"


class ArtifactError(Exception):
    """A model cannot be served. The message says why and what to do."""


@dataclass(frozen=True)
class Artifact:
    """A folder and what its manifest says. Nothing is loaded yet."""

    folder: Path
    manifest: Manifest

    def encoders(self, modalities: tuple[str, ...] = ()) -> list[Encoder]:
        """The encoders of these modalities, or all, in the manifest's order.

        Raises:
          ArtifactError: the model has no such modality.
        """
        names = [encoder.modality for encoder in self.manifest.encoders]
        for modality in modalities:
            if modality not in names:
                raise ArtifactError(f"{self.manifest.name} has no modality {modality!r}; it has {', '.join(names)}.")
        return [encoder for encoder in self.manifest.encoders if not modalities or encoder.modality in modalities]

    def check_files(self, encoder: Encoder) -> None:
        """Compares the encoder's files with their hashes. Reads them once, about a second a gigabyte.

        Raises:
          ArtifactError: a file is missing or is not the one that was exported.
        """
        try:
            contract.check_files(self.manifest, self.folder, encoder)
        except contract.ManifestError as error:
            raise ArtifactError(str(error)) from error

    def golden(self, modality: str) -> tuple[np.ndarray, np.ndarray]:
        """Golden rows as the graph takes them, (B, ...), and their vectors, float32 (B, D), norm 1.

        Raises:
          ArtifactError: the golden file is missing, broken, or does not hold the modality.
        """
        path = self.folder / (self.manifest.golden_file or contract.GOLDEN_FILE)
        try:
            with np.load(path, allow_pickle=False) as arrays:
                rows, vectors = arrays[f"{modality}.input"], arrays[f"{modality}.output"]
        except (OSError, ValueError, KeyError, EOFError) as error:
            raise ArtifactError(
                f"{path} holds no golden vectors of {modality} ({error}), so nothing shows that the model computes "
                "what was exported. Export or copy the model again."
            ) from error
        if len(rows) == 0 or vectors.shape != (len(rows), self.manifest.embedding_size):
            raise ArtifactError(
                f"{path}: {modality} has {len(rows)} golden rows and vectors of shape {vectors.shape}; "
                f"({len(rows) or 'n'}, {self.manifest.embedding_size}) is needed. Export the model again."
            )
        return rows, vectors


def open_artifact(model: str) -> Artifact:
    """Opens an artifact by its folder, or a packaged model by its name.

    Raises:
      ArtifactError: it is neither, or the folder's manifest cannot be served.
    """
    folder = MODELS / model if model in packaged() else Path(model)
    try:
        return Artifact(folder, contract.read(folder))
    except contract.ManifestError as error:
        packaged_names = ", ".join(packaged()) or "none"
        hint = "" if folder.exists() else f" Models packaged with anybind: {packaged_names}."
        raise ArtifactError(f"{error}{hint}") from error


def packaged() -> list[str]:
    """Names of the models that came with the package, in order of the alphabet."""
    return sorted(path.parent.name for path in MODELS.glob(f"*/{contract.FILE_NAME}"))
