"""The contracts: committed stubs, and what a manifest may say."""

import sys
from pathlib import Path

import grpc_tools
import numpy as np
import pytest
import toys
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from grpc_tools import protoc

from anybind.proto import manifest
from anybind.proto.v1 import manifest_pb2

PROTO = Path(__file__).resolve().parents[1] / "proto"


def test_committed_stubs_are_what_the_proto_files_give(tmp_path: Path) -> None:
    sys.path.insert(0, str(PROTO))
    try:
        import generate
    finally:
        sys.path.remove(str(PROTO))
    generate.generate(tmp_path)
    fresh = {path.name: path.read_text() for path in (tmp_path / "anybind/proto/v1").iterdir()}
    committed = {path.name: path.read_text() for path in (PROTO / "v1").glob("*_pb2*.py*")}
    assert fresh == committed, "run `make proto` and commit what it writes"


def test_every_field_is_explained(tmp_path: Path) -> None:
    bare = [
        f"{file.name}: {message.name}.{field.name}"
        for file in _described(tmp_path)
        for index, message in enumerate(file.message_type)
        for number, field in enumerate(message.field)
        if not _comments(file).get((4, index, 2, number))
    ]
    assert not bare


def _described(tmp_path: Path) -> list[FileDescriptorProto]:
    """The contract's files with their comments, as protoc reads them."""
    out = tmp_path / "described.pb"
    names = [f"anybind/proto/v1/{path.name}" for path in (PROTO / "v1").glob("*.proto")]
    well_known = Path(grpc_tools.__file__).parent / "_proto"
    arguments = [f"-Ianybind/proto={PROTO}", f"-I{well_known}", "--include_source_info", f"--descriptor_set_out={out}"]
    assert protoc.main(["protoc", *arguments, *names]) == 0
    return list(FileDescriptorSet.FromString(out.read_bytes()).file)


def _comments(file: FileDescriptorProto) -> dict[tuple[int, ...], str]:
    return {tuple(at.path): at.leading_comments + at.trailing_comments for at in file.source_code_info.location}


def test_a_manifest_survives_the_disk(tmp_path: Path) -> None:
    written = manifest.read(toys.artifact(tmp_path / "toy"))
    manifest.write(written, tmp_path)
    assert manifest.read(tmp_path) == written


def test_a_folder_without_a_manifest_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(manifest.ManifestError, match="anybind export"):
        manifest.read(tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format_version": 2}, "format version 2"),
        ({"space_id": "ABC"}, "'ABC'"),
        ({"embedding_size": 0}, "embedding_size is 0"),
        ({"anchor": "smell"}, "'smell'"),
        ({"golden_file": "../golden.npz"}, "inside the folder"),
    ],
)
def test_a_manifest_that_cannot_be_is_refused_with_its_value(tmp_path: Path, change: dict, said: str) -> None:
    wrong = manifest.read(toys.artifact(tmp_path / "toy"))
    for field, value in change.items():
        setattr(wrong, field, value)
    with pytest.raises(manifest.ManifestError, match=said):
        manifest.write(wrong, tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"modality": "Thermal"}, "lower-case"),
        ({"file": "/etc/passwd"}, "inside the folder"),
        ({"fingerprint": ""}, "fingerprint"),
        ({"tolerance": 0.0}, "tolerance"),
        ({"output_name": ""}, "input and output"),
    ],
)
def test_an_encoder_that_cannot_be_is_refused_with_its_value(tmp_path: Path, change: dict, said: str) -> None:
    wrong = manifest.read(toys.artifact(tmp_path / "toy"))
    for field, value in change.items():
        setattr(wrong.encoders[-1], field, value)
    with pytest.raises(manifest.ManifestError, match=said):
        manifest.write(wrong, tmp_path)


def test_a_recipe_without_a_size_is_refused(tmp_path: Path) -> None:
    wrong = manifest.read(toys.artifact(tmp_path / "toy"))
    wrong.encoders[0].picture.height = 0
    with pytest.raises(manifest.ManifestError, match="picture recipe does not say height"):
        manifest.write(wrong, tmp_path)


def test_a_field_this_version_does_not_know_is_refused(tmp_path: Path) -> None:
    folder = toys.artifact(tmp_path / "toy")
    path = folder / manifest.FILE_NAME
    path.write_text(path.read_text().replace('"name"', '"nome"', 1))
    with pytest.raises(manifest.ManifestError, match="nome"):
        manifest.read(folder)


def test_a_graph_that_was_changed_is_noticed(tmp_path: Path) -> None:
    folder = toys.artifact(tmp_path / "toy", ["image"])
    with (folder / "image.onnx").open("ab") as file:
        file.write(b"\0")
    toy = manifest.read(folder)
    with pytest.raises(manifest.ManifestError, match="not the file that was exported"):
        manifest.check_files(toy, folder, toy.encoders[0])


def test_the_fingerprint_depends_on_weights_names_and_recipe() -> None:
    toy = {"a": np.arange(6, dtype=np.float32)}
    recipe, other = manifest_pb2.SeriesRecipe(channels=6, samples=40), manifest_pb2.SeriesRecipe(channels=6, samples=41)
    first = manifest.fingerprint(toy, recipe)
    assert first == manifest.fingerprint({"a": toy["a"].copy()}, recipe)
    assert len({first, manifest.fingerprint(toy, other), manifest.fingerprint({"b": toy["a"]}, recipe)}) == 3
