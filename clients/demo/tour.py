"""A round through an index: ask with some of what is in it, of each modality, and keep what is found."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from .. import items
from ..answers import Point
from ..client import Client
from ..walk import Found, Skipped


@dataclass(frozen=True)
class Medium:
    """Something that was indexed, as people are shown it."""

    modality: str
    uri: str  # a file's absolute path; for a line of a text file, `path#L12`
    title: str  # a sentence's words; a file's name without its ending

    @property
    def concept(self) -> str:
        """What sample media show, by their files' names: "clock" for `clock_2.jpg`."""
        return PurePath(self.uri).stem.partition("_")[0]


@dataclass(frozen=True)
class Hit:
    medium: Medium
    score: float  # cosine


@dataclass(frozen=True)
class Answer:
    """A query and its hits of each modality, by falling score."""

    query: Medium
    hits: Mapping[str, Sequence[Hit]]


def queries(entries: Iterable[Found | Skipped], left_out: Sequence[Skipped], most: int) -> list[Medium]:
    """What to ask with: at most so many media of each modality, evenly spaced, and none that could not be indexed."""
    unfit = {one.where for one in left_out}
    found = [medium for entry in entries if isinstance(entry, Found) for medium in _media(entry, unfit)]
    modalities = dict.fromkeys(medium.modality for medium in found)
    return [one for name in modalities for one in spread([m for m in found if m.modality == name], most)]


def ask(client: Client, media: Iterable[Medium], top_k: int) -> Iterator[Answer]:
    """Searches with each medium, read anew from its file, and leaves the medium itself out of what it finds."""
    for medium in media:
        item = items.text(medium.title) if medium.modality == "text" else items.item(medium.modality, medium.uri)
        hits: dict[str, list[Hit]] = {}
        for hit in client.search(item, top_k=top_k + 1, per_modality=True):
            if hit.uri != medium.uri and len(hits.setdefault(hit.modality, [])) < top_k:
                hits[hit.modality].append(Hit(_medium(hit.point), hit.score))
        yield Answer(medium, hits)


def spread(media: Sequence[Medium], most: int) -> list[Medium]:
    """At most so many of the media, evenly spaced, first and last among them."""
    if len(media) <= most:
        return list(media)
    return [media[round(number * (len(media) - 1) / (most - 1))] for number in range(most)]


def own_concept_first(answers: Iterable[Answer], asked: str, found: str) -> tuple[int, int]:
    """In how many answers to one modality the first hit of another has the query's own concept, and out of how many."""
    those = [answer for answer in answers if answer.query.modality == asked and answer.hits.get(found)]
    right = [answer for answer in those if answer.hits[found][0].medium.concept == answer.query.concept]
    return len(right), len(those)


def _media(entry: Found, unfit: set[str]) -> Iterator[Medium]:
    if str(entry.path) in unfit:
        return
    if entry.modality != "text":
        yield Medium(entry.modality, str(entry.path), entry.path.stem)
        return
    for number, line in enumerate(Path(entry.path).read_text("utf-8-sig").splitlines(), 1):
        uri = f"{entry.path}#L{number}"
        if line.strip() and uri not in unfit:
            yield Medium("text", uri, line.strip())


def _medium(point: Point) -> Medium:
    return Medium(point.modality, point.uri, point.title if point.modality == "text" else PurePath(point.uri).stem)
