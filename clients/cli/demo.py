"""`anybind demo`: the whole way once, on sample media or one's own, with something to look at in the end."""

import tempfile
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import MissingExtra
from .options import Model
from .reach import reach
from .talk import MISUSED, fail, say, screen, talk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.progress import Progress

    from ..client import Client
    from ..demo.sheet import Facts
    from ..demo.tour import Answer

Media = Annotated[Path | None, typer.Option("--media", metavar="DIR", help="Your own files. Default: some made here.")]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the contact sheet and sample media go.")]

_ASKED_EACH = 14  # queries of a modality
_HITS = 3  # of each modality, for each query
_ASKED = ("text", "audio", "image", "depth")  # sections, in this order
_FOUND = ("image", "audio", "depth", "text")  # columns
_NAMES = {"text": "sentences", "image": "pictures", "audio": "sounds", "depth": "depth maps"}


def demo(media: Media = None, out: Out = Path("demo"), model: Model = "") -> None:
    """Index media, search it from every modality, and leave a contact sheet.

    Without --media it draws pictures with their depth, makes sounds and writes sentences first.
    """
    try:
        from ..demo import sheet
        from ..demo.media import make
    except ImportError as error:
        raise MissingExtra("The demo", "server", error) from error

    folder = media or out / "media"
    if not media:
        with _bar("making sample media") as bar:
            for done, total in make(folder):
                bar.update(bar.task_ids[0], completed=done, total=total)
    elif not folder.is_dir():
        fail(f"{folder} is no folder. Name one that holds pictures, sounds, depth maps or .txt files.", MISUSED)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".index-", dir=out) as index, reach(model, "", index) as client:
        answers = _tour(client, folder)
        if not answers:
            fail(f"{folder} holds nothing that this model can index, so there is nothing to ask.")
        facts = _facts(client, answers, sample=not media)
    there = {answer.query.modality for answer in answers}
    asked, found = ([name for name in order if name in there] for order in (_ASKED, _FOUND))
    for modality in asked:
        _show(modality, found, [answer for answer in answers if answer.query.modality == modality])
    for finding in facts.findings:
        screen().print(finding)
    page = out / "contact-sheet.html"
    sheet.write(page, facts, answers, asked, found)
    screen().print(f"\nThe contact sheet: {page}", soft_wrap=True)


def _tour(client: "Client", folder: Path) -> "list[Answer]":
    """Indexes the folder and asks with some of what it holds."""
    from ..demo import tour
    from ..indexing import index_paths
    from ..walk import walk

    with _bar("indexing") as bar:
        tally = index_paths(
            client,
            [folder],
            progress=lambda progress: bar.update(bar.task_ids[0], completed=progress.done, total=progress.total),
            skipped=lambda one: say(f"skipped {one.where}: {one.reason}"),
        )
    media = tour.queries(walk([folder]), tally.skipped, _ASKED_EACH)
    answers = []
    with _bar("searching") as bar:
        for answer in tour.ask(client, media, _HITS):
            answers.append(answer)
            bar.update(bar.task_ids[0], completed=len(answers), total=len(media))
    return answers


def _facts(client: "Client", answers: "Sequence[Answer]", *, sample: bool) -> "Facts":
    """What stands at the head of the sheet. Only sample media are named by their concepts, so only they are counted."""
    from ..demo.sheet import Facts
    from ..demo.tour import own_concept_first

    info = client.info()
    counts = {name: client.count(filter={"modality": name}) for name in _FOUND}
    findings = []
    if sample:
        right, asked = own_concept_first(answers, "audio", "image")
        findings.append(f"{right} of {asked} sounds bring a picture of their own first.")
    return Facts(info.model, info.licence, info.space_id, {n: c for n, c in counts.items() if c}, findings)


def _show(asked: str, modalities: Sequence[str], answers: "Sequence[Answer]") -> None:
    """A table of the first hit of each modality."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=f"asked with {_NAMES[asked]}", title_justify="left", title_style="bold")
    table.add_column("query", style="bold")
    for name in modalities:
        table.add_column(_NAMES[name])
    for answer in answers:
        firsts = [hits[0] if (hits := answer.hits.get(name)) else None for name in modalities]
        cells = [Text(f"{hit.score:.2f} {hit.medium.title}") if hit else Text("") for hit in firsts]
        table.add_row(Text(answer.query.title), *cells)
    screen().print(table)


@contextmanager
def _bar(what: str) -> "Iterator[Progress]":
    """A progress bar on stderr with one task."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=talk(), disable=not talk().is_terminal) as bar:
        bar.add_task(f"{what:>20}", total=None)
        yield bar
