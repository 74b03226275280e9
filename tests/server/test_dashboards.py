"""The dashboard and the alerts ask for metrics that exist, with labels that they have."""

import json
import re
from pathlib import Path

import pytest

from anybind.server.metrics import Metrics

ROOT = Path(__file__).resolve().parents[2]
DASHBOARD = json.loads((ROOT / "deploy/grafana-dashboard.json").read_text())
ALERTS = (ROOT / "deploy/alerts.yaml").read_text()
DOCS = (ROOT / "docs/serving.md").read_text()
SUFFIXES = {"counter": ["_total"], "gauge": [""], "histogram": ["_bucket", "_sum", "_count"]}

EXPRESSIONS = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]] + re.findall(
    r"expr: \|\n((?: {10}.*\n)+)|expr: (.+)", ALERTS
)
EXPRESSIONS = [one if isinstance(one, str) else "".join(one) for one in EXPRESSIONS]


def series() -> dict[str, set[str]]:
    """Labels by name, of every series that the server exposes."""
    known = {}
    for metric in Metrics().registry._names_to_collectors.values():
        for suffix in SUFFIXES[metric._type]:
            known[metric._name + suffix] = set(metric._labelnames) | ({"le"} if suffix == "_bucket" else set())
    return known


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_expression_asks_for_what_is_exposed(expression: str) -> None:
    known = series()
    names = re.findall(r"anybind_\w+", expression)
    assert names
    assert set(names) <= set(known)
    labels = {label for group in re.findall(r"by \(([^)]*)\)", expression) for label in re.split(r"\W+", group)}
    labels |= set(re.findall(r'(\w+)(?:=~|!=|=)"', expression))
    assert labels - {""} <= set().union(*(known[name] for name in names))


def test_every_metric_is_on_the_dashboard() -> None:
    shown = {name for expression in EXPRESSIONS for name in re.findall(r"anybind_\w+", expression)}
    for metric in Metrics().registry._names_to_collectors.values():
        assert any(metric._name + suffix in shown for suffix in SUFFIXES[metric._type]), metric._name


def test_every_metric_is_in_the_docs() -> None:
    for name in {name for name in series() if not name.endswith(("_bucket", "_sum", "_count"))}:
        assert f"`{name}`" in DOCS, name


def test_panels_do_not_cover_one_another() -> None:
    taken = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + i, place["y"] + j) for i in range(place["w"]) for j in range(place["h"])}
        assert not taken & cells
        assert all(x < 24 for x, _ in cells)
        taken |= cells
