"""What an evaluation found: tables for people, one JSON line a row for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from itertools import groupby

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .evaluation import Evaluation
from .measures import Geometry, Measure
from .mistakes import Association, Part
from .reach import Goal, reached

WORST = 5  # classes of a task that are told


def lines(evaluation: Evaluation) -> Iterator[str]:
    """JSON objects, one a line: `kind` is "pool", "failure", "measure", "goal", "geometry", "part" or "association"."""
    for pool in evaluation.pools:
        yield _line("pool", asdict(pool))
    for failure in evaluation.failures:
        yield _line("failure", asdict(failure))
    for measure in evaluation.measures:
        yield _line("measure", asdict(measure))
    for goal, measure in reached(evaluation.measures):
        told = {
            "title": goal.title,
            "metric": measure.metric,
            "reach": goal.reach,
            "reached": measure.low >= goal.reach,
        }
        yield _line("goal", told | {"value": measure.value, "low": measure.low, "best": measure.best})
    for geometry in evaluation.geometry:
        yield _line("geometry", asdict(geometry))
    for part in evaluation.parts:
        yield _line("part", asdict(part))
    for association in evaluation.associations:
        yield _line("association", asdict(association))


def show(evaluation: Evaluation, console: Console) -> None:
    """Prints the tables, narrow enough for 80 columns."""
    pools = _table(f"{evaluation.model}: what was embedded", "things", "count", "which")
    for pool in evaluation.pools:
        pools.add_row(pool.name, f"{pool.count:,}", Text(pool.chosen))
    console.print(pools)
    goals = list(reached(evaluation.measures))
    if goals:
        console.print(_goals(goals))
    named = [measure for measure in evaluation.measures if measure.metric == "accuracy"]
    found = [measure for measure in evaluation.measures if measure.metric != "accuracy"]
    if named:
        console.print(_named(named))
    if found:
        console.print(_found(found))
    console.print(_geometry(evaluation.geometry))
    if evaluation.parts:
        console.print(_mistakes(evaluation.parts))
    if evaluation.associations:
        console.print(_associations(evaluation.associations))
    console.print(
        "value: a mean; between: its 95 % bootstrap interval; chance: a random order or, for names, always the largest "
        "class; shuffled: the same encoders with shuffled weights; best: a perfect order, where that is below 1. "
        "* emergent: the two modalities were never trained as a pair.",
        style="dim",
    )


def _goals(goals: list[tuple[Goal, Measure]]) -> Table:
    table = _table("reach", "measure", "value", "low end", "reach", "best")
    for goal, measure in goals:
        style = "green" if measure.low >= goal.reach else "red"
        low = Text(f"{measure.low:.3f}", style=style)
        title = goal.title if measure.metric == "accuracy" else f"{goal.title}, {measure.metric}"
        table.add_row(title, f"{measure.value:.3f}", low, f"{goal.reach:.2f}", _best(measure))
    return table


def _named(measures: list[Measure]) -> Table:
    numbers = ("value", "between", "chance", "shuffled", "asked")
    table = _table("names: the nearest class, by its sentences or its pictures", "from → to, classes", *numbers)
    for measure in measures:
        here = f"{measure.query} → {measure.target}, {measure.gallery} {measure.what}{_star(measure)}"
        table.add_row(here, *_numbers(measure), f"{measure.queries:,}")
    return table


def _found(measures: list[Measure]) -> Table:
    table = _table("any to any", "from → to", "value", "between", "chance", "shuffled", "best")
    previous = None
    for measure in measures:
        here = f"{measure.query} → {measure.target}, {measure.what}{_star(measure)}"
        if here != previous:
            table.add_section()
            table.add_row(Text(here, style="bold"))
            table.add_row(Text(f"  {measure.queries:,} among {measure.gallery:,}", style="dim"))
        table.add_row(f"  {measure.metric}", *_numbers(measure), _best(measure))
        previous = here
    return table


def _geometry(rows: tuple[Geometry, ...]) -> Table:
    table = _table("how modalities lie: distance of centroids, skewness of 10-occurrences", "from → to")
    for column in ("gap", "shuffled", "hubness", "shuffled"):
        table.add_column(column, justify="right")
    for row in rows:
        numbers = (row.gap, row.shuffled_gap, row.hubness, row.shuffled_hubness)
        shown = ("" if number is None else f"{number:.3f}" for number in numbers)
        table.add_row(f"{row.query} → {row.target}{_star(row)}", *shown)
    return table


def _mistakes(parts: tuple[Part, ...]) -> Table:
    table = _table("where names go wrong: every source, and the worst classes", "task", "part", "right", "of")
    table.add_column("mostly taken for")
    for (query, what, by), group in groupby(parts, lambda part: (part.query, part.what, part.by)):
        worst = sorted(group, key=lambda part: part.value)
        for part in worst if by == "source" else [part for part in worst if part.value < 1][:WORST]:
            taken_for = f"{part.taken_for} ({part.times})" if part.times else ""
            table.add_row(f"{query}, {what}", part.part, f"{part.value:.3f}", f"{part.queries:,}", taken_for)
        table.add_section()
    return table


def _associations(rows: tuple[Association, ...]) -> Table:
    table = _table("words for people, and the labels whose pictures are nearest", "word")
    table.add_column("labels, with cosines")
    for row in rows:
        table.add_row(row.word, ", ".join(f"{label} {cosine:.2f}" for label, cosine in row.nearest))
    return table


def _table(title: str, first: str, *columns: str) -> Table:
    table = Table(title=title, box=SIMPLE_HEAD, pad_edge=False, title_justify="left", title_style="bold")
    table.add_column(first)
    for column in columns:
        table.add_column(column, justify="left" if column == "which" else "right")
    return table


def _numbers(measure: Measure) -> tuple[str, str, str, str]:
    shuffled = "" if measure.shuffled is None else f"{measure.shuffled:.3f}"
    return f"{measure.value:.3f}", f"{measure.low:.3f} {measure.high:.3f}", f"{measure.chance:.3f}", shuffled


def _best(measure: Measure) -> str:
    return f"{measure.best:.3f}" if measure.best < 1 else ""


def _star(row: Measure | Geometry) -> str:
    return " *" if row.emergent else ""


def _line(kind: str, values: dict) -> str:
    return json.dumps({"kind": kind} | values, ensure_ascii=False)
