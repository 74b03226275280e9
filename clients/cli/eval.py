"""`anybind eval`: what a model finds of anything with anything, measured on a folder of tables."""

import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import MissingExtra
from .options import AsJson, Model
from .reach import DEFAULT_MODEL, reach
from .talk import fail, say, screen, talk

if TYPE_CHECKING:
    from ..evaluation.evaluation import Space

Data = Annotated[Path, typer.Option("--data", metavar="DIR", help="The folder with images.csv and its neighbours.")]
Split = Annotated[
    str,
    typer.Option(
        "--split",
        metavar="held-out|val|all",
        help="Which rows: those set apart by name, else by the split column; by that column alone; or all.",
    ),
]
Shuffled = Annotated[
    bool, typer.Option("--shuffled/--no-shuffled", help="Compare with the same encoders with shuffled weights.")
]
Limit = Annotated[int | None, typer.Option("--limit", min=2, metavar="N", help="At most N rows of each table.")]


def eval(
    data: Data,
    model: Model = "",
    split: Split = "held-out",
    shuffled: Shuffled = True,
    limit: Limit = None,
    as_json: AsJson = False,
) -> None:
    """Measure a model: retrieval between every two modalities, zero-shot naming, gap and hubs, beside chance.

    The server decodes everything, as it does for any client. Exit code 1 if files were left out.
    """
    from ...encoders.align import heldout
    from ...proto.manifest import ManifestError
    from ..evaluation.evaluation import embed_pools, evaluate
    from ..evaluation.pools import SPLITS, TableError, read_pools
    from ..evaluation.report import lines, show
    from ..models import folder_of, read

    if split not in SPLITS:
        raise typer.BadParameter(f"--split is {split!r}; it is one of {', '.join(SPLITS)}.")
    model = model or DEFAULT_MODEL
    try:
        manifest = read(model)
        pools = read_pools(data, split=split, held_out=heldout.load(), words=heldout.synonyms(), limit=limit)
        with reach(model, "") as client:
            space = embed_pools(client, pools, talk())
        if not space.pools:
            fail(f"{model} embeds nothing of what {data} holds. `anybind info --model {model}` says what it takes.")
        blind = _blind(folder_of(model), space) if shuffled else None
    except (ManifestError, TableError) as error:
        fail(str(error))
    evaluation = evaluate(space, manifest, blind)
    if as_json:
        for line in lines(evaluation):
            typer.echo(line)
    else:
        show(evaluation, screen())
    for failure in evaluation.failures:
        say(f"left out: {failure.pool}: {failure.title}: {failure.message}")
    if evaluation.failures:
        raise typer.Exit(1)


def _blind(folder: Path, space: "Space") -> "Space":
    """The same things in the space of the same encoders with shuffled weights."""
    try:
        from ...export.shuffled import write_shuffled
    except ImportError as error:
        raise MissingExtra("Comparing with shuffled weights (without it: --no-shuffled)", "eval", error) from error
    from ..evaluation.evaluation import embed_pools

    modalities = sorted({pool.modality for pool in space.pools.values()})
    with contextlib.ExitStack() as closing:
        beside = Path(closing.enter_context(tempfile.TemporaryDirectory(prefix="anybind-shuffled-")))
        try:
            write_shuffled(folder, beside, modalities=modalities)
        except ValueError as error:
            fail(str(error))
        client = closing.enter_context(reach(str(beside), ""))
        return embed_pools(client, space.pools, talk())
