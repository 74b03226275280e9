"""What an evaluation found: tables for people, one JSON line a row for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .evaluation import Evaluation
from .measures import Geometry, Measure
from .reach import reached


def lines(evaluation: Evaluation) -> Iterator[str]:
    """JSON objects, one a line: `kind` is "pool", "failure", "measure", "goal" or "geometry"."""
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


def show(evaluation: Evaluation, console: Console) -> None:
    """Prints the tables."""
    pools = Table("things", "modality", "count", "which", title=f"{evaluation.model}: what was embedded")
    for pool in evaluation.pools:
        pools.add_row(pool.name, pool.modality, f"{pool.count:,}", pool.chosen)
    console.print(pools)
    goals = list(reached(evaluation.measures))
    if goals:
        console.print(_goals(goals))
    named = [measure for measure in evaluation.measures if measure.metric == "accuracy"]
    found = [measure for measure in evaluation.measures if measure.metric != "accuracy"]
    for title, rows in (("naming: the nearest class, by its prompts' average", named), ("any to any", found)):
        if rows:
            console.print(_measures(title, rows))
    console.print(_geometry(evaluation.geometry))
    console.print(
        "Values are means; brackets hold their 95 % bootstrap interval. Chance is a random order or, for accuracy, "
        "always the largest class. * emergent: the two modalities were never trained as a pair.",
        style="dim",
    )


def _goals(goals: list) -> Table:
    table = Table("measure", "", "value", "lower end", "reach", "best possible", title="reach")
    for goal, measure in goals:
        style = "green" if measure.low >= goal.reach else "red"
        low = Text(f"{measure.low:.3f}", style=style)
        best = f"{measure.best:.3f}" if measure.best < 1 else ""
        table.add_row(goal.title, measure.metric, f"{measure.value:.3f}", low, f"{goal.reach:.2f}", best)
    return table


def _measures(title: str, measures: list[Measure]) -> Table:
    table = Table("from → to", "what", "metric", title=title)
    for column in ("value", "interval", "chance", "shuffled", "best", "asked", "among"):
        table.add_column(column, justify="right")
    previous = None
    for measure in measures:
        here = (measure.query, measure.target, measure.what)
        if previous and here != previous:
            table.add_section()
        arrow = f"{measure.query} → {measure.target}{' *' if measure.emergent else ''}"
        table.add_row(
            *((arrow, measure.what) if here != previous else ("", "")),
            measure.metric,
            f"{measure.value:.3f}",
            f"[{measure.low:.3f} {measure.high:.3f}]",
            f"{measure.chance:.3f}",
            "" if measure.shuffled is None else f"{measure.shuffled:.3f}",
            f"{measure.best:.3f}" if measure.best < 1 else "",
            f"{measure.queries:,}",
            f"{measure.gallery:,}",
        )
        previous = here
    return table


def _geometry(rows: list[Geometry]) -> Table:
    table = Table("from → to", title="how modalities lie")
    for column in ("gap", "shuffled", "hubness", "shuffled"):
        table.add_column(column, justify="right")
    for row in rows:
        numbers = (row.gap, row.shuffled_gap, row.hubness, row.shuffled_hubness)
        shown = ("" if number is None else f"{number:.3f}" for number in numbers)
        table.add_row(f"{row.query} → {row.target}{' *' if row.emergent else ''}", *shown)
    return table


def _line(kind: str, values: dict) -> str:
    return json.dumps({"kind": kind} | values, ensure_ascii=False)
