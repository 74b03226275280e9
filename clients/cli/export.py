"""`anybind export`: an ImageBind state dict becomes a model that can be served."""

from pathlib import Path
from typing import Annotated

import typer

from ..errors import MissingExtra
from .talk import MISUSED, fail, say

Weights = Annotated[Path, typer.Option("--weights", metavar="F.pth", help="A state dict in the published layout.")]
Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="F.json", help="The constructor's arguments. Default: the published huge model."),
]
Vocab = Annotated[
    Path | None,
    typer.Option("--vocab", metavar="F.txt.gz", help="CLIP's bpe_simple_vocab_16e6.txt.gz; needed for text."),
]
Modalities = Annotated[
    list[str] | None,
    typer.Option("--modality", metavar="M ...", help="Export only these. Default: all that the weights hold."),
]
More = Annotated[list[str] | None, typer.Argument(metavar="", help="", show_default=False, hidden=True)]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="The artifact folder to write.")]


def export(
    weights: Weights,
    out: Out,
    config: Config = None,
    vocab: Vocab = None,
    modalities: Modalities = None,
    more: More = None,
) -> None:
    """Turn ImageBind weights into a model folder, proven against torch on the way."""
    if more and not modalities:
        fail(f"What is {more[0]!r}? Modalities follow --modality.", MISUSED)
    try:
        from ...encoders.imagebind import CheckpointError
        from ...export.graph import ExportError
        from ...export.imagebind import export_imagebind
    except ModuleNotFoundError as error:
        raise MissingExtra("Exporting", "train", error) from error
    chosen = [*modalities, *(more or [])] if modalities else None
    try:
        manifest = export_imagebind(weights, config, vocab, chosen, out, tell=say)
    except (CheckpointError, ExportError) as error:
        fail(str(error))
    listed = ", ".join(encoder.modality for encoder in manifest.encoders)
    say(f"{out} holds {listed}. Serve it with: anybind serve --model {out}")
