"""What an encoder was trained with goes from its export to what an evaluation calls emergent."""

from pathlib import Path

import numpy as np
import torch
import toys

from anybind.clients.evaluation.evaluation import trained_pairs
from anybind.export.artifact import add_encoder
from anybind.export.entry import ExportEntry
from anybind.proto.v1 import manifest_pb2 as pb


class Mean(torch.nn.Module):
    """A series' beginning, as a unit vector."""

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.normalize(values.flatten(1)[:, : toys.EMBEDDING_SIZE], dim=1)


def test_an_export_names_what_its_encoder_was_trained_with(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).standard_normal((3, 6, 20)).astype(np.float32)
    recipe = pb.SeriesRecipe(channels=6, samples=20)
    told = {"trained_with": ("image", "text"), "trained_names": ("walking",)}
    entry = ExportEntry("imu", Mean(), recipe, rows, "a test", "Apache-2.0", **told)
    manifest = add_encoder(toys.artifact(tmp_path / "toy", ["image", "text", "audio"]), entry)
    assert list(manifest.encoders[-1].trained_names) == ["walking"]
    assert trained_pairs(manifest) >= {frozenset(("imu", "image")), frozenset(("imu", "text"))}
    assert frozenset(("imu", "audio")) not in trained_pairs(manifest)
    assert frozenset(("audio", "image")) in trained_pairs(manifest)  # it names nothing: the anchor alone
    assert frozenset(("audio", "text")) not in trained_pairs(manifest)
