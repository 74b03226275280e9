"""The disk contract: reads, checks and writes an artifact's `manifest.json`.

An artifact is a folder: one `.onnx` per modality, `tokenizer.json`, `golden.npz`, `MODEL_CARD.md` and
`manifest.json`. What the manifest may say stands in `v1/manifest.proto`; this module holds it to that.
`golden.npz` has two arrays a modality, `<modality>.input` (B, ...) as the graph takes it and
`<modality>.output` float32 (B, embedding_size), rows of norm 1.
"""

import hashlib
import math
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import numpy as np
from google.protobuf import json_format
from google.protobuf.message import Message

from .v1.manifest_pb2 import Encoder, Manifest

FORMAT_VERSION = 1
FILE_NAME = "manifest.json"
GOLDEN_FILE = "golden.npz"

_MODALITY = re.compile(r"[a-z][a-z0-9_]*")
_FINGERPRINT = re.compile(r"[0-9a-f]{32}")
_CHUNK_BYTES = 1 << 20


class ManifestError(ValueError):
    """A folder is no artifact, or not one this version can serve. The message says what to do."""


def read(folder: Path) -> Manifest:
    """Reads and checks the manifest of an artifact folder, but opens none of the files it names.

    Raises:
      ManifestError: there is no manifest, it is not JSON of the known form, or what it says cannot be.
    """
    path = folder / FILE_NAME
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ManifestError(
            f"{folder} is no artifact: it has no {FILE_NAME}. Make one with `anybind export`."
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(f"{path} cannot be read: {error}") from error
    try:
        manifest = json_format.Parse(text, Manifest())
    except json_format.ParseError as error:
        raise ManifestError(f"{path} is not a manifest this version knows: {error}. Export the model again.") from error
    _check(manifest, path)
    return manifest


def write(manifest: Manifest, folder: Path) -> None:
    """Writes `manifest.json` into a folder, replacing what is there in one step.

    Raises:
      ManifestError: what the manifest says cannot be.
    """
    path = folder / FILE_NAME
    _check(manifest, path)
    text = json_format.MessageToJson(manifest, preserving_proto_field_name=True, indent=2)
    partial = path.with_suffix(".partial")
    partial.write_text(text + "\n", encoding="utf-8")
    partial.replace(path)


def recipe_of(encoder: Encoder) -> Message:
    """The recipe an encoder has, whichever kind it is."""
    return getattr(encoder, encoder.WhichOneof("recipe"))


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, 64 hex digits. Reads it once, a megabyte at a time."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def check_files(manifest: Manifest, folder: Path, encoder: Encoder) -> None:
    """Compares an encoder's files with the hashes the manifest gives.

    Raises:
      ManifestError: a file is missing or is not the one that was exported.
    """
    for name in (encoder.file, *encoder.external_files):
        path = folder / name
        if not path.is_file():
            raise ManifestError(
                f"{path} is missing: {manifest.name}'s manifest names it. Export or copy the model again."
            )
        found, expected = sha256_of(path), encoder.sha256[name]
        if found != expected:
            raise ManifestError(
                f"{path} is not the file that was exported: SHA-256 is {found}, the manifest says {expected}. "
                "Export or copy the model again."
            )


def fingerprint(weights: Mapping[str, np.ndarray], recipe: Message) -> str:
    """Fingerprint of an encoder: 32 hex digits over its weights, by name, and its recipe.

    The same weights give the same fingerprint whatever precision or exporter made the graph.
    """
    digest = hashlib.sha256(recipe.SerializeToString(deterministic=True))
    for name in sorted(weights):
        array = np.ascontiguousarray(weights[name])
        digest.update(f"\0{name}\0{array.dtype.str}\0{array.shape}\0".encode())
        digest.update(array.data)
    return digest.hexdigest()[:32]


def _check(manifest: Manifest, path: Path) -> None:
    if manifest.format_version != FORMAT_VERSION:
        raise ManifestError(
            f"{path} has format version {manifest.format_version}; this anybind reads {FORMAT_VERSION}. "
            "Export the model again, or use the anybind it was exported with."
        )
    if not _FINGERPRINT.fullmatch(manifest.space_id):
        raise ManifestError(f"{path}: space_id is {manifest.space_id!r}; it must be 32 lower-case hex digits.")
    if manifest.embedding_size < 1:
        raise ManifestError(f"{path}: embedding_size is {manifest.embedding_size}; it must be at least 1.")
    if not manifest.encoders:
        raise ManifestError(f"{path} names no encoder; a model needs at least one.")
    names = [encoder.modality for encoder in manifest.encoders]
    if len(set(names)) < len(names):
        raise ManifestError(f"{path} names a modality twice: {', '.join(names)}.")
    if manifest.anchor and manifest.anchor not in names:
        raise ManifestError(f"{path}: the anchor {manifest.anchor!r} is not among its modalities: {', '.join(names)}.")
    if manifest.golden_file and not _is_inside(manifest.golden_file):
        raise ManifestError(f"{path}: golden_file is {manifest.golden_file!r}; it must lie inside the folder.")
    for encoder in manifest.encoders:
        _check_encoder(encoder, path)


def _check_encoder(encoder: Encoder, path: Path) -> None:
    where = f"{path}: modality {encoder.modality!r}"
    if not _MODALITY.fullmatch(encoder.modality):
        raise ManifestError(f"{where}: a name is lower-case letters, digits and underscores, beginning with a letter.")
    if encoder.WhichOneof("recipe") is None:
        raise ManifestError(f"{where} has no recipe.")
    if not (encoder.input_name and encoder.output_name):
        raise ManifestError(f"{where} does not name its graph's input and output.")
    if not _FINGERPRINT.fullmatch(encoder.fingerprint):
        raise ManifestError(f"{where}: fingerprint is {encoder.fingerprint!r}; it must be 32 lower-case hex digits.")
    if not (math.isfinite(encoder.tolerance) and encoder.tolerance > 0):
        raise ManifestError(f"{where}: tolerance is {encoder.tolerance}; it must be above 0.")
    files = [encoder.file, *encoder.external_files]
    if encoder.WhichOneof("recipe") == "text":
        files.append(encoder.text.tokenizer_file)
    for name in files:
        if not _is_inside(name):
            raise ManifestError(f"{where}: {name!r} must be a file inside the folder.")
    missing = {encoder.file, *encoder.external_files} - set(encoder.sha256)
    if missing:
        raise ManifestError(f"{where}: no SHA-256 for {', '.join(sorted(missing))}.")
    _check_recipe(encoder, where)


def _check_recipe(encoder: Encoder, where: str) -> None:
    """Every number of a recipe is a size, a rate or a count: none may be zero but those whose zero means "none"."""
    recipe = recipe_of(encoder)
    optional = {"pad_id", "fixed_length", "max_metres"}
    for field in recipe.DESCRIPTOR.fields:
        if field.name not in optional and not getattr(recipe, field.name):
            raise ManifestError(f"{where}: its {encoder.WhichOneof('recipe')} recipe does not say {field.name}.")


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return bool(name) and not path.is_absolute() and ".." not in path.parts and "\\" not in name
