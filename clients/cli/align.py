"""`anybind align`: train the default model, or bind a sensor of one's own to a model."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import MissingExtra
from .options import AsJson
from .reach import DEFAULT_MODEL
from .talk import fail, put, say, screen, talk

if TYPE_CHECKING:
    from ..binding import Bound

Recipe = Annotated[str, typer.Option("--recipe", metavar="nano", help="Train this packaged model from its data.")]
Data = Annotated[Path | None, typer.Option("--data", metavar="DIR", help="The recipe's folder of tables.")]
Stages = Annotated[
    list[str] | None, typer.Option("--stage", metavar="S", help="Only this stage of the recipe; may be repeated.")
]
Modality = Annotated[str, typer.Option("--modality", metavar="NAME", help="The new modality, such as thermal or imu.")]
Pairs = Annotated[
    Path | None,
    typer.Option("--pairs", metavar="F.csv", help="Columns image and other; split and label if known."),
]
Anchor = Annotated[str, typer.Option("--anchor", metavar="PATH|NAME", help="The model to bind to.")]
Kind = Annotated[
    str,
    typer.Option(
        "--kind", metavar="grey|series|picture|depth|waveform", help="What a reading is, if the name does not tell."
    ),
]
Encoder = Annotated[
    str,
    typer.Option("--encoder", metavar="conv|projector", help="Learn from readings, or from their embeddings."),
]
Epochs = Annotated[int, typer.Option("--epochs", min=1, help="Passes over the pairs.")]
Batch = Annotated[int, typer.Option("--batch", min=2, help="Pairs compared with each other at a time.")]
Rate = Annotated[float, typer.Option("--learning-rate", help="The largest step.")]
Seed = Annotated[int, typer.Option("--seed", help="The same seed and pairs give the same encoder.")]
Size = Annotated[int, typer.Option("--size", min=16, help="Height and width of a map, in pixels.")]
Channels = Annotated[int, typer.Option("--channels", min=1, help="Of a series.")]
Samples = Annotated[int, typer.Option("--samples", min=16, help="Of a series.")]
SampleRate = Annotated[int, typer.Option("--sample-rate-hz", min=1000, help="Of a waveform.")]
ClipSeconds = Annotated[float, typer.Option("--clip-s", min=0.1, help="Of a waveform.")]
Licence = Annotated[str, typer.Option("--licence", help="Of the new encoder's weights.")]
Runs = Annotated[Path, typer.Option("--runs", metavar="DIR", help="Where checkpoints are kept; a stopped run goes on.")]
Out = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="The model folder to write.")]


def align(
    recipe: Recipe = "",
    data: Data = None,
    stages: Stages = None,
    modality: Modality = "",
    pairs: Pairs = None,
    anchor: Anchor = DEFAULT_MODEL,
    kind: Kind = "",
    encoder: Encoder = "conv",
    epochs: Epochs = 30,
    batch: Batch = 64,
    learning_rate: Rate = 1e-3,
    seed: Seed = 0,
    size: Size = 64,
    channels: Channels = 6,
    samples: Samples = 200,
    sample_rate_hz: SampleRate = 16_000,
    clip_s: ClipSeconds = 5.0,
    licence: Licence = "not stated",
    runs: Runs = Path("runs"),
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Train the packaged model (--recipe nano --data DIR), or bind a modality of your own to a model
    (--modality NAME --pairs F.csv --out DIR).
    """
    if bool(recipe) == bool(modality):
        raise typer.BadParameter("Say one of --recipe nano (with --data) and --modality NAME (with --pairs and --out).")
    if recipe:
        _train_packaged(recipe, data, runs, stages, out)
        return
    if pairs is None or out is None:
        raise typer.BadParameter("--modality needs --pairs F.csv and --out DIR.")
    _bind(
        as_json,
        anchor,
        modality=modality,
        pairs=pairs,
        out=out,
        runs=runs,
        kind=kind,
        encoder=encoder,
        epochs=epochs,
        batch=batch,
        learning_rate=learning_rate,
        seed=seed,
        size=size,
        channels=channels,
        samples=samples,
        sample_rate_hz=sample_rate_hz,
        clip_s=clip_s,
        licence=licence,
    )


def _bind(as_json: bool, anchor: str, **asked: Any) -> None:
    try:
        from ...export.graph import ExportError
    except ImportError as error:
        raise MissingExtra("Training", "train", error) from error
    from ...encoders.align.own_pairs import PairsError
    from ...proto.manifest import ManifestError
    from ..binding import Binding, BindingError, bind
    from ..models import folder_of

    try:
        bound = bind(Binding(anchor=folder_of(anchor), **asked), talk())
    except (ManifestError, BindingError, PairsError, ExportError) as error:
        fail(str(error))
    _report(bound, asked["modality"], as_json)


def _train_packaged(recipe: str, data: Path | None, runs: Path, stages: list[str] | None, out: Path | None) -> None:
    if recipe != "nano":
        raise typer.BadParameter(f"There is no recipe {recipe!r}; there is nano.")
    if data is None:
        raise typer.BadParameter("--recipe nano needs --data DIR, the folder with images.csv and its neighbours.")
    try:
        import torch  # noqa: F401  # asked for first, so that a missing one is told before any work

        from ...encoders.align import align_nano
    except ImportError as error:
        raise MissingExtra("Training", "train", error) from error
    try:
        align_nano(data, runs / recipe, stages, talk())
        if out is not None:
            from ...export.nano import export_nano

            export_nano(runs / recipe, out)
            say(f"{out} is a model: anybind eval --model {out} --data {data}")
    except (ValueError, FileNotFoundError) as error:
        fail(str(error))


def _report(bound: "Bound", modality: str, as_json: bool) -> None:
    from rich.table import Table

    for path, reason in bound.left_out.items():
        say(f"left out: {path}: {reason}")
    if as_json:
        put({"modality": modality, "out": str(bound.out), "pairs": bound.learned_from, "apart": bound.measured_on})
        for way, recalls in bound.recalls.items():
            put({"way": way} | dict(recalls))
    else:
        ks = [name for name in next(iter(bound.recalls.values())) if not name.startswith("chance")]
        table = Table(
            "", *ks, caption=f"{bound.measured_on} pairs set apart, {bound.learned_from} learned from; dim: chance"
        )
        for way, recalls in bound.recalls.items():
            table.add_row(way, *(f"{recalls[name]:.3f}" for name in ks))
            table.add_row("", *(f"{recalls[f'chance {name}']:.3f}" for name in ks), style="dim", end_section=True)
        screen().print(table)
    say(f"{bound.out} now embeds {modality}: anybind serve --model {bound.out}")
