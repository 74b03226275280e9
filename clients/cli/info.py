"""`anybind info`: all there is to say of one model, on disk or as it is being served."""

from typing import TYPE_CHECKING, Any

from .options import AsJson, Model, Server
from .reach import DEFAULT_MODEL, reach
from .talk import fail, put, screen

if TYPE_CHECKING:
    from ...proto.v1.manifest_pb2 import Encoder


def info(model: Model = "", server: Server = "", as_json: AsJson = False) -> None:
    """Describe a model, or what a server serves."""
    from google.protobuf.json_format import MessageToDict

    from ...proto.manifest import ManifestError
    from ..models import read

    if server:
        with reach(model, server) as client:
            said = client.info()
        encoders = {one.encoder.modality: one.provider for one in said.modalities}
        if as_json:
            put(MessageToDict(said, preserving_proto_field_name=True))
        else:
            limits = MessageToDict(said.limits, preserving_proto_field_name=True)
            facts = {"server": server, "version": said.server_version, "index": "yes" if said.has_index else "no"}
            _show(said.model, said, [one.encoder for one in said.modalities], facts | limits, encoders)
        return
    try:
        manifest = read(model or DEFAULT_MODEL)
    except ManifestError as error:
        fail(str(error))
    if as_json:
        put(MessageToDict(manifest, preserving_proto_field_name=True))
    else:
        _show(manifest.name, manifest, manifest.encoders, {"anchor": manifest.anchor or "not in this model"}, {})


def _show(name: str, said: Any, encoders: "list[Encoder]", facts: dict[str, Any], providers: dict[str, str]) -> None:
    from rich.table import Table

    table = Table(show_header=False, box=None)
    lines = {"model": name, "licence": said.licence, "space": said.space_id, "floats": said.embedding_size} | facts
    for key, value in lines.items():
        table.add_row(key.replace("_", " "), f"{value:,}" if isinstance(value, int) else str(value))
    screen().print(table)
    table = Table("modality", "takes", "precision", "licence", *(["runs on"] if providers else []))
    for encoder in encoders:
        runs_on = [providers[encoder.modality].removesuffix("ExecutionProvider")] if providers else []
        table.add_row(encoder.modality, _recipe(encoder), encoder.precision, encoder.licence, *runs_on)
    screen().print(table)


def _recipe(encoder: "Encoder") -> str:
    """What the recipe does to an item, in a few words."""
    from ...proto.manifest import recipe_of

    recipe = recipe_of(encoder)
    match encoder.WhichOneof("recipe"):
        case "waveform":
            return f"sound, {recipe.clips} clips of {recipe.clip_s:g} s at {recipe.sample_rate_hz} Hz"
        case "text":
            return f"text, {recipe.context_length} tokens"
        case "series":
            return f"series, {recipe.channels} channels of {recipe.samples} samples"
        case kind:
            return f"{kind}, {recipe.width} x {recipe.height} pixels"
