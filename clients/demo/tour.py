"""A round through an index: ask with some of what is in it, of each modality, and keep what is found."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from ..answers import Point
from ..client import Client
from ..items import Item


@dataclass(frozen=True)
class Medium:
    """Something that was indexed, as people are shown it."""

    modality: str
    uri: str
    title: str  # a sentence's words; a file's name

    @property
    def concept(self) -> str:
        """What sample media show, by their files' names: "clock" for `clock_2.jpg`."""
        return PurePath(self.uri).stem.partition("_")[0]


@dataclass(frozen=True)
class Found:
    medium: Medium
    score: float  # cosine


@dataclass(frozen=True)
class Answer:
    """A query and its hits of each modality, by falling score."""

    query: Medium
    hits: Mapping[str, Sequence[Found]]


def ask(client: Client, queries: Sequence[tuple[Medium, Item]], top_k: int) -> Iterator[Answer]:
    """Searches with each query, and leaves the query itself out of what it finds."""
    for medium, item in queries:
        hits: dict[str, list[Found]] = {}
        for hit in client.search(item, top_k=top_k + 1, per_modality=True):
            if hit.uri != medium.uri and len(hits.setdefault(hit.modality, [])) < top_k:
                hits[hit.modality].append(Found(_medium(hit.point), hit.score))
        yield Answer(medium, hits)


def spread(media: Sequence[Medium], most: int) -> list[Medium]:
    """At most so many of the media, evenly spaced, first and last among them."""
    if len(media) <= most:
        return list(media)
    return [media[round(number * (len(media) - 1) / (most - 1))] for number in range(most)]


def own_concept_first(answers: Sequence[Answer], found: str) -> tuple[int, int]:
    """How many answers have their query's own concept as the first hit of a modality, and out of how many."""
    asked = [answer for answer in answers if answer.hits.get(found)]
    right = [answer for answer in asked if answer.hits[found][0].medium.concept == answer.query.concept]
    return len(right), len(asked)


def _medium(point: Point) -> Medium:
    return Medium(point.modality, point.uri, point.title or PurePath(point.uri).name)
