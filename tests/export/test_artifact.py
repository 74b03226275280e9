from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from anybind.export.artifact import add_encoder, write_artifact
from anybind.export.entry import FP16_WEIGHTS, ExportEntry
from anybind.export.graph import ExportError
from anybind.proto import manifest as disk
from anybind.proto.v1 import manifest_pb2 as pb

LICENCE = "Apache-2.0"


class Pixels(nn.Module):
    def __init__(self, size: int = 8, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.linear = nn.Linear(16 * 16 * 3, size)

    def forward(self, pixels: Tensor) -> Tensor:
        vectors = self.linear(pixels.float().flatten(1) / 255)
        return vectors / vectors.norm(dim=1, keepdim=True)


class Words(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(7)
        self.table = nn.Embedding(50, 8)

    def forward(self, ids: Tensor) -> Tensor:
        vectors = self.table(ids).sum(dim=1)
        return vectors / vectors.norm(dim=1, keepdim=True)


class Drifting(Pixels):
    """Gives other vectors in a graph than in torch."""

    def forward(self, pixels: Tensor) -> Tensor:
        vectors = super().forward(pixels)
        return vectors.flip(1) if torch.compiler.is_exporting() else vectors


def image(module: nn.Module | None = None, modality: str = "image", **changes: object) -> ExportEntry:
    random = np.random.default_rng(0)
    known = {
        "modality": modality,
        "module": module or Pixels(),
        "recipe": pb.PictureRecipe(height=16, width=16, resample=pb.RESAMPLE_BICUBIC),
        "golden": random.integers(0, 256, (3, 16, 16, 3), dtype=np.uint8),
        "weights_source": "random",
        "licence": LICENCE,
    }
    return ExportEntry(**known | changes)


def text() -> ExportEntry:
    recipe = pb.TextRecipe(tokenizer_file="tokenizer.json", context_length=20, cleaning=pb.TEXT_CLEANING_NONE)
    golden = np.random.default_rng(0).integers(1, 50, (2, 7))
    return ExportEntry("text", Words(), recipe, golden, "random", LICENCE)


@pytest.fixture
def tokenizer(tmp_path: Path) -> Path:
    path = tmp_path / "given.json"
    path.write_text("{}")
    return path


@pytest.fixture
def write(tmp_path: Path, tokenizer: Path) -> Callable[..., pb.Manifest]:
    def call(*entries: ExportEntry, folder: Path = tmp_path / "model", **options: object) -> pb.Manifest:
        known = {"name": "toy", "licence": LICENCE, "card": "# toy\n", "tokenizer": tokenizer}
        return write_artifact(iter(entries), folder, **known | options)

    return call


def test_an_artifact_answers_with_its_golden_vectors(write: Callable[..., pb.Manifest], tmp_path: Path) -> None:
    write(image(), text())
    folder = tmp_path / "model"
    manifest = disk.read(folder)
    assert [encoder.modality for encoder in manifest.encoders] == ["image", "text"]
    assert (manifest.embedding_size, manifest.anchor) == (8, "image")
    golden = np.load(folder / manifest.golden_file)
    for encoder in manifest.encoders:
        disk.check_files(manifest, folder, encoder)
        session = onnxruntime.InferenceSession(folder / encoder.file)
        (given,) = session.run([encoder.output_name], {encoder.input_name: golden[f"{encoder.modality}.input"]})
        assert np.abs(given - golden[f"{encoder.modality}.output"]).max() <= encoder.tolerance <= 1e-4
    assert (folder / "MODEL_CARD.md").read_text() == "# toy\n"
    assert (folder / "tokenizer.json").read_text() == "{}"


def test_the_space_is_the_anchors_whatever_stands_beside_it(write: Callable[..., pb.Manifest]) -> None:
    alone, beside = write(image()), write(image(), text())
    assert alone.space_id == beside.space_id == alone.encoders[0].fingerprint
    assert write(image(Pixels(seed=1))).space_id != alone.space_id


def test_without_an_anchor_the_space_is_that_of_all_encoders(write: Callable[..., pb.Manifest]) -> None:
    first = write(image(modality="thermal"))
    assert first.anchor == ""
    assert write(image(modality="thermal"), text()).space_id != first.space_id
    assert write(image(modality="thermal"), space_id="0" * 32).space_id == "0" * 32


def test_an_export_can_be_repeated_to_the_byte(write: Callable[..., pb.Manifest], tmp_path: Path) -> None:
    assert write(image()) == write(image(), folder=tmp_path / "again")
    first, again = ((tmp_path / folder / "golden.npz").read_bytes() for folder in ("model", "again"))
    assert first == again


def test_one_encoder_is_held_at_a_time(tmp_path: Path) -> None:
    import gc
    import weakref

    kept: list[weakref.ref] = []

    def entries():
        for modality in ("image", "thermal", "night"):
            gc.collect()
            assert all(one() is None for one in kept), f"an encoder is still held when {modality} is made"
            entry = image(modality=modality)
            kept.extend([weakref.ref(entry.module), weakref.ref(entry.module.linear.weight)])
            yield entry
            del entry

    write_artifact(entries(), tmp_path / "model", name="toy", licence=LICENCE, card="")
    assert len(kept) == 6


def test_a_graph_that_differs_from_torch_fails_the_export(write: Callable[..., pb.Manifest], tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"image: for input \(3, 16, 16, 3\) the graph differs from torch by .*1e-04"):
        write(image(Drifting()))
    assert list(tmp_path.iterdir()) == [tmp_path / "given.json"]


def test_a_failed_export_leaves_the_artifact_that_was_there(write: Callable[..., pb.Manifest], tmp_path: Path) -> None:
    before = write(image())
    with pytest.raises(ExportError):
        write(image(Pixels(seed=2)), image(Drifting(), modality="thermal"))
    assert disk.read(tmp_path / "model") == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["given.json", "model"]


def test_nothing_but_an_artifact_is_replaced(write: Callable[..., pb.Manifest], tmp_path: Path) -> None:
    precious = tmp_path / "model" / "thesis.txt"
    precious.parent.mkdir()
    precious.write_text("mine")
    with pytest.raises(ExportError, match="no artifact; it is left alone"):
        write(image())
    with pytest.raises(ExportError, match="is a file"):
        write(image(), folder=precious)
    assert precious.read_text() == "mine"


def test_a_place_that_cannot_be_written_is_told(write: Callable[..., pb.Manifest], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ExportError, match="model could not be written: "):
        write(image(), folder=tmp_path / "file" / "model")


def test_half_weights_are_held_to_their_own_limit(write: Callable[..., pb.Manifest]) -> None:
    (encoder,) = write(image(precision=FP16_WEIGHTS)).encoders
    (plain,) = write(image()).encoders
    assert encoder.precision == FP16_WEIGHTS
    assert plain.tolerance <= 1e-4 < encoder.tolerance <= 2e-3
    assert encoder.fingerprint == plain.fingerprint  # the same weights, however they are stored


def test_vectors_that_are_not_unit_vectors_are_refused(write: Callable[..., pb.Manifest]) -> None:
    class Long(Pixels):
        def forward(self, pixels: Tensor) -> Tensor:
            return 3 * super().forward(pixels)

    with pytest.raises(ExportError, match=r"golden vectors have norms (2\.9|3\.0).*must be 1"):
        write(image(Long()))


def test_a_nan_in_a_golden_vector_is_refused(write: Callable[..., pb.Manifest]) -> None:
    module = Pixels()
    module.linear.bias.data[0] = float("nan")
    with pytest.raises(ExportError, match="norms nan"):
        write(image(module))


def test_encoders_of_two_sizes_are_refused(write: Callable[..., pb.Manifest]) -> None:
    with pytest.raises(ExportError, match=r"embeddings of one size; these give \[8, 9\]"):
        write(image(), image(Pixels(size=9), modality="thermal"))


def test_text_without_a_tokenizer_is_refused(write: Callable[..., pb.Manifest]) -> None:
    with pytest.raises(ExportError, match="text: its recipe needs a tokenizer"):
        write(text(), tokenizer=None)


@pytest.mark.parametrize(
    "golden",
    [np.zeros((3, 16, 16, 3), np.float32), np.zeros((3, 8, 16, 3), np.uint8), np.zeros((1, 16, 16, 3), np.uint8)],
)
def test_golden_rows_must_be_as_the_recipe_says(golden: np.ndarray) -> None:
    with pytest.raises(ExportError, match=r"golden rows are .*; the recipe asks for uint8 \(batch, 16, 16, 3\)"):
        image(golden=golden)


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(ExportError, match="precision is 'int4'; it must be one of 'fp32'"):
        image(precision="int4")


def test_a_modality_is_added_and_the_space_stays(write: Callable[..., pb.Manifest], tmp_path: Path) -> None:
    before = write(image(), text())
    folder = tmp_path / "model"
    graph = (folder / "image.onnx").read_bytes()
    added = add_encoder(folder, image(Pixels(seed=3), modality="thermal"))
    assert added.space_id == before.space_id
    assert [encoder.modality for encoder in disk.read(folder).encoders] == ["image", "text", "thermal"]
    assert (folder / "image.onnx").read_bytes() == graph
    assert "thermal.output" in np.load(folder / "golden.npz")
    for encoder in added.encoders:
        disk.check_files(added, folder, encoder)


def test_a_modality_is_replaced_and_the_space_stays(
    write: Callable[..., pb.Manifest], tmp_path: Path, tokenizer: Path
) -> None:
    before = write(image(), text(), image(Pixels(seed=3), modality="thermal"))
    folder = tmp_path / "model"
    after = add_encoder(folder, image(Pixels(seed=4), modality="thermal"), card="# new\n")
    after = add_encoder(folder, text(), tokenizer=tokenizer)
    assert after.space_id == before.space_id
    old, new = ({encoder.modality: encoder for encoder in manifest.encoders} for manifest in (before, after))
    assert new.keys() == old.keys()
    assert new["thermal"].fingerprint != old["thermal"].fingerprint
    assert new["image"] == old["image"]
    assert (folder / "MODEL_CARD.md").read_text() == "# new\n"


def test_the_anchor_cannot_be_replaced(write: Callable[..., pb.Manifest], tmp_path: Path) -> None:
    write(image(), text())
    with pytest.raises(ExportError, match=r"image is the anchor of .*another space"):
        add_encoder(tmp_path / "model", image(Pixels(seed=5)))


def test_an_added_modality_that_does_not_fit_changes_nothing(
    write: Callable[..., pb.Manifest], tmp_path: Path, tokenizer: Path
) -> None:
    write(image(), text())
    folder = tmp_path / "model"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    for entry in (image(Pixels(size=9), modality="thermal"), image(Drifting(), modality="thermal")):
        with pytest.raises(ExportError):
            add_encoder(folder, entry)
    with pytest.raises(ExportError, match=r"another modality has tokenizer\.json"):
        add_encoder(folder, ExportEntry("speech", Words(), text().recipe, text().golden, "", ""), tokenizer=tokenizer)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_graph_that_ignores_other_lengths_fails_the_export(write: Callable[..., pb.Manifest]) -> None:
    """Short clips are kept by this recipe, so the export tries one, and a module that needs all samples shows."""

    class Whole(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(160, 8)

        def forward(self, samples: Tensor) -> Tensor:
            vectors = self.linear(samples)
            return vectors / vectors.norm(dim=1, keepdim=True)

    recipe = pb.WaveformRecipe(
        sample_rate_hz=16_000,
        clip_s=0.01,
        clips=1,
        plan=pb.CLIP_PLAN_EVEN,
        channel=pb.CHANNEL_FIRST,
        short_clip=pb.SHORT_CLIP_KEEP,
    )
    golden = np.random.default_rng(0).standard_normal((2, 160), dtype=np.float32)
    with pytest.raises(ExportError, match="batch, samples of any length"):
        write(ExportEntry("audio", Whole(), recipe, golden, "random", LICENCE))
    looped = pb.WaveformRecipe()
    looped.CopyFrom(recipe)
    looped.short_clip = pb.SHORT_CLIP_LOOP
    write(ExportEntry("audio", Whole(), looped, golden, "random", LICENCE))
