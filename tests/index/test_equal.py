"""The same filter lets the same points through on both engines, whatever filter it is."""

import uuid
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from qdrant_client import QdrantClient

from anybind.server.index import AnyOf, Condition, Equals, Exists, Filter, Index, Range, StoredPoint, open_index
from anybind.server.index.remote import RemoteIndex

SPACE = "5" * 32
VALUES = ["dog", "cat", "", 0, 1, 7, 2.5, -1, True, False, None, [], ["dog", "cat"], [1, 7], [True], {"dog": 1}]
KEYS = ["payload.a", "payload.b", "payload.a.dog", "payload.absent", "modality", "uri", "title"]

values = some.sampled_from([value for value in VALUES if isinstance(value, str | int)])
numbers = some.sampled_from([-1, 0, 1, 2.5, 7])
tests = some.one_of(
    some.builds(Equals, values),
    some.builds(AnyOf, some.lists(some.sampled_from(["dog", "cat", "text"]), min_size=1).map(tuple)),
    some.builds(AnyOf, some.lists(some.sampled_from([0, 1, 7]), min_size=1).map(tuple)),
    some.builds(Range, gt=numbers),
    some.builds(Range, gte=numbers, lte=numbers),
    some.builds(Range, lt=numbers),
    some.builds(Exists, some.booleans()),
)
conditions = some.lists(some.builds(Condition, some.sampled_from(KEYS), tests), max_size=3).map(tuple)
filters = some.builds(Filter, conditions, conditions, conditions)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Index, Index]]:
    """The same points, one for every pair of values, in a folder and on the stand-in of a server."""
    folder = open_index(str(tmp_path_factory.mktemp("equal")), 4, SPACE)
    server = RemoteIndex(QdrantClient(":memory:"), "equal", 4, SPACE)
    points = [
        StoredPoint(
            id=str(uuid.UUID(int=len(VALUES) * i + j + 1)),
            modality=("image", "text")[i % 2],
            space_id=SPACE,
            vector=np.eye(4, dtype=np.float32)[j % 4],
            uri=f"/{i}" if j % 3 else "",
            payload={"a": a, "b": b},
        )
        for i, a in enumerate(VALUES)
        for j, b in enumerate(VALUES)
    ]
    for index in (folder, server):
        index.upsert(points)
    yield folder, server
    folder.close()
    server.close()


@pytest.mark.filterwarnings("ignore:Payload indexes have no effect in the local Qdrant")
@settings(max_examples=200, deadline=None)
@given(wanted=filters)
def test_a_filter_means_the_same_on_both_engines(both: tuple[Index, Index], wanted: Filter) -> None:
    found = [
        {hit.point.id for hit in index.search(np.ones(4, dtype=np.float32), len(VALUES) ** 2, wanted)} for index in both
    ]
    assert found[0] == found[1]
    assert [index.count(wanted) for index in both] == [len(found[0])] * 2
