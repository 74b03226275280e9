"""One encoder's graph in ONNX Runtime, proven against its golden vectors."""

import logging

import numpy as np
import onnxruntime

from ..proto.v1.manifest_pb2 import Encoder
from .artifact import Artifact, ArtifactError
from .providers import Provider, ProviderError

log = logging.getLogger(__name__)


class Session:
    """An open graph. `run` may be called from any thread, and lets go of the interpreter while it computes."""

    def __init__(self, artifact: Artifact, encoder: Encoder, provider: Provider, *, threads: int = 0) -> None:
        """Opens the graph and replays its golden vectors on the provider it really runs on.

        Args:
          threads: for one run; 0 takes one a physical core.

        Raises:
          ArtifactError: a file is not the one exported, the graph does not open, or its vectors differ from the
            golden ones by more than the encoder's tolerance.
          ProviderError: the provider was asked for by name and did not open.
        """
        self.encoder = encoder
        self._size = artifact.manifest.embedding_size
        artifact.check_files(encoder)
        try:
            self._ort = onnxruntime.InferenceSession(
                artifact.folder / encoder.file, _options(threads), providers=provider.ort_providers()
            )
        except Exception as error:  # ONNX Runtime raises plain Exceptions of many kinds
            raise ArtifactError(
                f"{artifact.folder / encoder.file} does not open on {provider.name}: {error}. "
                "Export the model again, or choose another --provider."
            ) from error
        self.provider = self._ort.get_providers()[0]
        if self.provider != provider.ort_name:
            # ONNX Runtime opens a session all the same, on what is left, when a device's libraries do not load.
            message = f"{provider.ort_name} did not open (driver or libraries missing?); {self.provider} did"
            if provider.required:
                raise ProviderError(
                    f"--provider {provider.name}: {message}. Check `nvidia-smi`, or use --provider auto."
                )
            log.warning("%s: %s", encoder.modality, message)
        self.golden_rows, golden_vectors = artifact.golden(encoder.modality)
        self.golden_difference = self._replay(golden_vectors)

    def run(self, rows: np.ndarray) -> np.ndarray:
        """(B, ...) as the graph takes them -> float32 (B, D), rows of norm 1.

        Raises:
          RuntimeError: the graph gave something else than B rows of D.
        """
        (vectors,) = self._ort.run([self.encoder.output_name], {self.encoder.input_name: rows})
        if vectors.shape != (len(rows), self._size):
            raise RuntimeError(f"{self.encoder.file} gave {vectors.shape} for {len(rows)} rows of {self._size}")
        return vectors

    def _replay(self, expected: np.ndarray) -> float:
        modality, tolerance = self.encoder.modality, self.encoder.tolerance
        try:
            found = self.run(self.golden_rows)
        except Exception as error:
            raise ArtifactError(f"{self.encoder.file} fails on its own golden rows: {error}") from error
        difference = float(np.abs(found - expected).max())
        log.info("%s: golden difference %.1e (tolerance %.1e) on %s", modality, difference, tolerance, self.provider)
        if not difference <= tolerance:  # NaN is refused as well
            raise ArtifactError(
                f"{modality} computes other vectors than were exported: the largest difference is {difference:.2e} "
                f"on {self.provider}, the tolerance {tolerance:.2e}. Choose another --provider or export again."
            )
        return difference


def _options(threads: int) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # Threads that spin while waiting take the cores from the decoders.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # errors; warnings of graph optimisation are not for whoever serves
    return options
