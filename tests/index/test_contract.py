"""What both engines promise, asked of both."""

import numpy as np
import pytest

from anybind.server.index import AnyOf, BadFilter, Condition, Equals, Exists, Filter, IndexFault, Range, WrongSpace

pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect in the local Qdrant")

LARGE = 4096


def ids(hits):
    return [hit.point.id for hit in hits]


def test_what_is_stored_comes_back_whole(index, point):
    stored = point(
        1,
        modality="audio",
        uri="/sounds/bark.wav",
        media_type="audio/wav",
        title="a bark",
        content_id="abc",
        payload={"tags": ["dog", "loud"], "place": {"room": "yard"}, "seconds": 2.5, "take": 3, "kept": True},
    )
    index.upsert([stored])
    (found,) = index.get([stored.id], with_vectors=True)
    np.testing.assert_allclose(found.vector, stored.vector, atol=1e-6)
    assert found.vector.dtype == np.float32
    fields = ("id", "modality", "uri", "media_type", "title", "content_id", "space_id", "payload")
    assert [getattr(found, field) for field in fields] == [getattr(stored, field) for field in fields]


def test_vectors_come_back_only_when_asked_for(index, point):
    index.upsert([point(1)])
    assert index.get([point(1).id])[0].vector is None
    assert index.search(point(1).vector, 1)[0].point.vector is None
    assert index.search(point(1).vector, 1, with_vectors=True)[0].point.vector.shape == (8,)


def test_hits_are_the_exact_nearest_by_falling_score(index, point):
    points = [point(number) for number in range(1, 40)]
    index.upsert(points)
    query = point(1000).vector
    cosines = np.array([one.vector @ query for one in points])
    nearest = np.argsort(-cosines)[:10]
    hits = index.search(query, 10)
    assert ids(hits) == [points[i].id for i in nearest]
    np.testing.assert_allclose([hit.score for hit in hits], cosines[nearest], atol=1e-5)


def test_a_known_id_is_replaced_not_doubled(index, point):
    index.upsert([point(1, title="old"), point(2)])
    index.upsert([point(1, title="new")])
    assert index.count() == 2
    assert index.get([point(1).id])[0].title == "new"


def test_get_keeps_the_order_asked_for_and_leaves_out_the_unknown(index, point):
    index.upsert([point(1), point(2), point(3)])
    wanted = [point(3).id, point(99).id, point(1).id, point(3).id]
    assert [one.id for one in index.get(wanted)] == [point(3).id, point(1).id]


def test_an_empty_index_answers_emptily(index, point):
    assert index.count() == 0
    assert index.search(point(1).vector, 10) == []
    assert index.get([point(1).id]) == []
    assert index.modalities() == []
    assert index.delete([point(1).id]) == 0
    index.upsert([])


def test_modalities_are_those_with_points(index, point):
    index.upsert([point(1, modality="text"), point(2, modality="audio"), point(3, modality="audio")])
    assert index.modalities() == ["audio", "text"]


def test_delete_says_how_many_were_there(index, point):
    index.upsert([point(number, modality="image" if number < 4 else "text") for number in range(1, 7)])
    assert index.delete([point(1).id, point(99).id]) == 1
    images = Filter(must=(Condition("modality", Equals("image")),))
    assert index.delete([point(2).id, point(6).id], images) == 3  # 2, 3 and 6: one is in both
    assert sorted(one.id for one in index.get([point(n).id for n in range(1, 7)])) == [point(4).id, point(5).id]
    assert index.delete() == 0


PAYLOADS = [
    {"name": "rex", "age": 3, "weight": 20.5, "good": True, "tags": ["dog", "brown"], "home": {"town": "Ulm"}},
    {"name": "tom", "age": 7, "weight": 4.0, "good": False, "tags": ["cat"], "home": {"town": "Bonn"}},
    {"name": "ida", "age": 12, "my key": "x", "tags": []},
    {},
]
FILTERS = [
    (Filter(), {0, 1, 2, 3}),
    (Filter(must=(Condition("payload.name", Equals("rex")),)), {0}),
    (Filter(must=(Condition("payload.age", Equals(7)),)), {1}),
    (Filter(must=(Condition("payload.good", Equals(False)),)), {1}),
    (Filter(must=(Condition("payload.tags", Equals("brown")),)), {0}),
    (Filter(must=(Condition("payload.home.town", Equals("Bonn")),)), {1}),
    (Filter(must=(Condition("payload.my key", Equals("x")),)), {2}),
    (Filter(must=(Condition("payload.name", AnyOf(("rex", "ida"))),)), {0, 2}),
    (Filter(must=(Condition("payload.age", AnyOf((7, 12))),)), {1, 2}),
    (Filter(must=(Condition("payload.age", Range(gte=3, lt=12)),)), {0, 1}),
    (Filter(must=(Condition("payload.weight", Range(gt=4.0)),)), {0}),
    (Filter(must=(Condition("payload.weight", Range(lte=20.5)),)), {0, 1}),
    (Filter(must=(Condition("payload.weight", Exists(True)),)), {0, 1}),
    (Filter(must=(Condition("payload.weight", Exists(False)),)), {2, 3}),
    (Filter(must=(Condition("payload.tags", Exists(True)),)), {0, 1}),
    (Filter(must_not=(Condition("payload.name", Equals("rex")),)), {1, 2, 3}),
    (Filter(should=(Condition("payload.age", Equals(3)), Condition("payload.age", Equals(12)))), {0, 2}),
    (
        Filter(
            must=(Condition("payload.age", Range(gt=0)),),
            must_not=(Condition("payload.name", Equals("ida")),),
            should=(Condition("payload.good", Equals(True)), Condition("payload.my key", Exists(True))),
        ),
        {0},
    ),
    (Filter(must=(Condition("uri", Equals("/3")),)), {3}),
    (Filter(must=(Condition("title", Exists(False)),)), {0, 1, 2, 3}),
    (Filter(must=(Condition("modality", AnyOf(("text", "audio"))),)), {1, 3}),
]


@pytest.mark.parametrize(("wanted", "matching"), FILTERS, ids=range(len(FILTERS)))
def test_a_filter_lets_through_what_it_says(index, point, wanted, matching):
    points = [
        point(i + 1, modality=("image", "text")[i % 2], uri=f"/{i}", payload=payload)
        for i, payload in enumerate(PAYLOADS)
    ]
    index.upsert(points)
    assert index.count(wanted) == len(matching)
    found = set(ids(index.search(point(50).vector, 10, wanted)))
    assert found == {points[i].id for i in matching}


@pytest.mark.parametrize("key", ["name", "payload", "payload.", "payload..x", 'payload.a"b', "", "space_id"])
def test_a_filter_on_no_field_is_refused_by_name(index, key):
    with pytest.raises(BadFilter, match="A filter names the field"):
        index.count(Filter(must=(Condition(key, Equals("x")),)))


def test_everything_is_there_after_reopening(reopen, point):
    index = reopen()
    index.upsert([point(number, title=f"number {number}") for number in range(1, 50)])
    index.close()
    again = reopen()
    assert again.count() == 49
    assert again.get([point(7).id])[0].title == "number 7"
    again.close()


def test_another_space_is_refused_naming_both(reopen, point):
    index = reopen()
    index.upsert([point(1)])
    index.close()
    with pytest.raises(WrongSpace) as refusal:
        reopen(space="6" * 32)
    assert "5" * 32 in str(refusal.value)
    assert "6" * 32 in str(refusal.value)
    with pytest.raises(WrongSpace, match=r"8 floats.*16 floats"):
        reopen(size=16)
    reopen().close()  # the refusals left it as it was


def test_a_large_batch_and_a_large_answer(index, point):
    index.upsert([point(number) for number in range(1, LARGE + 1)])
    assert index.count() == LARGE
    assert len(set(ids(index.search(point(5000).vector, 1000)))) == 1000


def test_closing_twice_is_harmless(reopen):
    index = reopen()
    index.close()
    index.close()


def test_every_fault_is_one_of_ours():
    assert issubclass(BadFilter, IndexFault)
    assert issubclass(WrongSpace, IndexFault)
