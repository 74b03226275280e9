"""The measures a default model is held to, by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .measures import FILLED, STRICT, Measure
from .pools import UNSEEN


@dataclass(frozen=True)
class Goal:
    """A measure and how far it shall reach: the lower end of its interval is compared."""

    title: str
    measure: tuple[str, str, str, str]  # query, target, what, metric
    reach: float


GOALS = (
    Goal("image → concept, through text", ("image", "text", "concepts", "accuracy"), 0.75),
    Goal("text → image, concepts", ("text", "image", "concepts", STRICT), 0.75),
    Goal("text → image, concepts", ("text", "image", "concepts", FILLED), 0.75),
    Goal("audio → ESC-10, through text", ("audio", "text", "ESC-10", "accuracy"), 0.85),
    Goal("audio → ESC's labels, through text", ("audio", "text", "ESC labels", "accuracy"), 0.45),
    Goal("audio → instruments, through text", ("audio", "text", "instruments", "accuracy"), 0.85),
    Goal("audio → image, shared concepts", ("audio", "image", "concepts", STRICT), 0.60),
    Goal("audio → image", ("audio", "image", "concepts", FILLED), 0.60),
    Goal("image → audio, shared concepts", ("image", "audio", "concepts", STRICT), 0.55),
    Goal("image → audio", ("image", "audio", "concepts", FILLED), 0.55),
    Goal("image → depth, its own frame", ("image", "depth", "frames", "R@1"), 0.50),
    Goal("image → depth, its own frame", ("image", "depth", "frames", "R@10"), 0.90),
    Goal("depth → place, through text", ("depth", "text", "places", "accuracy"), 0.90),
    Goal("unseen words → concept, by sentences", ("text", "text", UNSEEN, "accuracy"), 0.70),
    Goal("unseen words → concept, by pictures", ("text", "image", UNSEEN, "accuracy"), 0.70),
)


def reached(measures: Iterable[Measure]) -> Iterator[tuple[Goal, Measure]]:
    """The goals whose measure is there, with it."""
    by_key = {measure.key: measure for measure in measures}
    return ((goal, by_key[goal.measure]) for goal in GOALS if goal.measure in by_key)
