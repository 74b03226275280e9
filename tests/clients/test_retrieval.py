"""Points in, hits out, through a real server and a real index."""

import uuid

import media
import numpy as np
import pytest

import anybind

WORDS = ["a dog", "a cat", "a car", "the sea", "a clock"]


@pytest.fixture
def stored(client):
    """Ids of the points of five sentences."""
    return client.upsert(
        [
            anybind.point(
                anybind.text(words), uri=f"/{number}", title=words, payload={"number": number, "pet": number < 2}
            )
            for number, words in enumerate(WORDS)
        ]
    )


def test_what_was_stored_is_its_own_nearest(client, stored):
    hits = client.search(anybind.text("a cat"))
    assert [hit.point.id for hit in hits[:1]] == stored[1:2]
    assert hits[0].score == pytest.approx(1, abs=1e-5)
    assert [hit.score for hit in hits] == sorted([hit.score for hit in hits], reverse=True)
    assert len(hits) == 5


def test_a_point_comes_back_as_it_was_said(client):
    payload = {"tags": ["a", "b"], "deep": {"er": 1.5}, "whole": 3, "kept": True, "nothing": None}
    point = anybind.point(
        anybind.text("a dog"), uri="/1", title="dog", media_type="text/x-dog", content_id="abc", payload=payload
    )
    (stored_id,) = client.upsert([point])
    (found,) = client.get([stored_id], with_vectors=True)
    assert (found.modality, found.uri, found.title) == ("text", "/1", "dog")
    assert (found.media_type, found.content_id, found.payload) == ("text/x-dog", "abc", payload)
    assert found.space_id == client.info().space_id
    np.testing.assert_allclose(found.vector, client.embed([anybind.text("a dog")])[0], atol=1e-6)


def test_a_file_gives_its_point_uri_and_media_type(client, tmp_path):
    path = tmp_path / "noise.png"
    path.write_bytes(media.picture())
    (stored_id,) = client.upsert([anybind.point(anybind.image(path))])
    (found,) = client.get([stored_id])
    assert (found.uri, found.media_type) == (str(path), "image/png")


def test_the_same_uri_again_replaces_and_another_modality_does_not(client):
    first = client.upsert([anybind.point(anybind.text("a dog"), uri="/1")])
    again = client.upsert([anybind.point(anybind.text("a cat"), uri="/1")])
    other = client.upsert([anybind.point(anybind.image(media.picture()), uri="/1")])
    assert first == again != other
    assert client.count() == 2


def test_points_without_a_uri_never_replace_each_other(client):
    ids = client.upsert([anybind.point(anybind.text("a dog")), anybind.point(anybind.text("a dog"))])
    assert len(set(ids)) == client.count() == 2


def test_a_bad_item_fails_alone(client):
    good, bad, better = client.upsert_each([anybind.point(anybind.text(words)) for words in ("a dog", "", "a cat")])
    assert isinstance(bad, anybind.ItemError)
    assert bad.code == "EMPTY"
    assert client.count() == 2
    assert [one.id for one in client.get([good, better])] == [good, better]
    with pytest.raises(anybind.ItemError):
        client.upsert([anybind.point(anybind.text(""))])


def test_an_embedding_is_stored_and_searched_as_the_item_it_is_of(client, stored):
    (embedding,) = client.embed_each([anybind.text("the sea")])
    assert client.search(embedding, top_k=1)[0].point.id == stored[3]
    (stored_id,) = client.upsert([anybind.point(embedding, title="ready")])
    assert client.get([stored_id])[0].modality == "text"


@pytest.mark.parametrize(
    ("vector", "space", "code"),
    [
        (np.ones(8), "6" * 32, "WRONG_SPACE"),
        (np.ones(8), "", "WRONG_SPACE"),
        (np.ones(9), None, "BAD_VECTOR"),
        (np.zeros(8), None, "BAD_VECTOR"),
        (np.full(8, np.nan), None, "NOT_FINITE"),
    ],
)
def test_a_vector_that_cannot_be_compared_is_refused(client, vector, space, code):
    mine = client.info().space_id
    embedding = anybind.Embedding(vector, "text", mine if space is None else space)
    with pytest.raises(anybind.ItemError) as failure:
        client.upsert([anybind.point(embedding)])
    assert failure.value.code == code
    with pytest.raises(anybind.CallError) as refusal:
        client.search(embedding)
    assert refusal.value.code == code
    if code == "WRONG_SPACE":
        assert isinstance(refusal.value, anybind.WrongSpace)
        assert mine in str(refusal.value)
        assert space in str(refusal.value)


def test_a_vector_is_scaled_to_a_unit(client):
    embedding = anybind.Embedding(np.full(8, 1e30), "text", client.info().space_id)
    (stored_id,) = client.upsert([anybind.point(embedding)])
    (found,) = client.get([stored_id], with_vectors=True)
    np.testing.assert_allclose(found.vector, np.full(8, 8**-0.5), atol=1e-6)


def test_a_stored_point_finds_the_others_but_not_itself(client, stored):
    hits = client.search(point_id=stored[0], top_k=4)
    assert len(hits) == 4
    assert stored[0] not in [hit.point.id for hit in hits]
    with pytest.raises(anybind.NotFound):
        client.search(point_id=str(uuid.uuid4()))


def test_modalities_and_filters_narrow_a_search(client, stored):
    client.upsert([anybind.point(anybind.image(media.picture(seed=seed)), uri=f"/{seed}.png") for seed in range(3)])
    query = anybind.text("a dog")
    assert {hit.modality for hit in client.search(query, modalities=["image"])} == {"image"}
    assert {hit.uri for hit in client.search(query, filter={"payload.pet": True})} == {"/0", "/1"}
    assert {hit.uri for hit in client.search(query, filter={"payload.number": {"gte": 1, "lt": 3}})} == {"/1", "/2"}
    assert {hit.uri for hit in client.search(query, filter={"payload.number": [0, 4]})} == {"/0", "/4"}
    assert {hit.uri for hit in client.search(query, filter={"title": "a cat"})} == {"/1"}
    assert len(client.search(query, filter={"title": {"exists": False}})) == 3
    assert client.search(query, modalities=["image"], filter={"payload.pet": True}) == []
    assert client.search(query, modalities=["audio"]) == []


def test_each_modality_may_have_its_own_hits(client, stored):
    client.upsert([anybind.point(anybind.image(media.picture(seed=seed))) for seed in range(3)])
    hits = client.search(anybind.text("a dog"), top_k=2, per_modality=True)
    assert [hit.modality for hit in hits] == ["image", "image", "text", "text"]
    hits = client.search(anybind.text("a dog"), top_k=2, per_modality=True, modalities=["text", "audio", "image"])
    assert [hit.modality for hit in hits] == ["text", "text", "image", "image"]


def test_vectors_come_with_hits_when_asked_for(client, stored):
    assert client.search(anybind.text("a dog"))[0].point.vector is None
    hit = client.search(anybind.text("a dog"), with_vectors=True)[0]
    np.testing.assert_allclose(hit.point.vector, client.embed([anybind.text("a dog")])[0], atol=1e-6)


def test_counting_and_deleting_by_id_and_filter(client, stored):
    assert client.count() == 5
    assert client.count(filter={"payload.pet": True}) == 2
    assert client.delete(stored[:1]) == 1
    assert client.delete(stored[:1]) == 0
    assert client.delete(filter={"payload.number": {"gt": 2}}) == 2
    assert [point.uri for point in client.get(stored)] == ["/1", "/2"]
    assert client.delete(stored[1:2], filter={"payload.number": 2}) == 2
    assert client.count() == 0


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.search(anybind.text("a dog"), top_k=1001),
        lambda client: client.search(anybind.text("a dog"), modalities=["smell"]),
        lambda client: client.search(anybind.text("")),
        lambda client: client.search(anybind.text("a dog"), filter={"name": "rex"}),
        lambda client: client.search(anybind.text("a dog"), filter={"payload.age": 1.5}),
        lambda client: client.search(anybind.text("a dog"), filter={"payload.age": []}),
        lambda client: client.search(anybind.text("a dog"), filter={"payload.age": [1, "two"]}),
        lambda client: client.search(anybind.text("a dog"), filter={"payload.age": {}}),
        lambda client: client.search(point_id="no-uuid"),
        lambda client: client.get(["no-uuid"]),
        lambda client: client.delete(),
        lambda client: client.delete(["no-uuid"]),
    ],
)
def test_a_request_that_makes_no_sense_is_refused_with_a_sentence(client, call):
    with pytest.raises(anybind.InvalidRequest) as refusal:
        call(client)
    assert str(refusal.value).endswith(".")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"id": "no-uuid"}, "INVALID_ARGUMENT"),
        ({"uri": "x" * 4097}, "TOO_LARGE"),
        ({"title": "é" * 600}, "TOO_LARGE"),
        ({"content_id": "x" * 129}, "TOO_LARGE"),
        ({"payload": {"x": "y" * 70_000}}, "TOO_LARGE"),
        ({"payload": {"x": float("nan")}}, "INVALID_ARGUMENT"),
    ],
)
def test_a_point_that_cannot_be_kept_is_refused_before_it_is_embedded(client, fields, code):
    (failure,) = client.upsert_each([anybind.point(anybind.text("a dog"), **fields)])
    assert failure.code == code
    assert client.count() == 0


def test_a_search_wants_one_query(client):
    with pytest.raises(ValueError, match="not both"):
        client.search()
    with pytest.raises(ValueError, match="not both"):
        client.search(anybind.text("a"), point_id=str(uuid.uuid4()))
    with pytest.raises(TypeError, match="image"):
        client.search(anybind.text("a"), modalities="image")


async def test_the_async_client_stores_and_finds_too(client, address):
    async with anybind.AsyncClient(address) as asynchronous:
        ids = await asynchronous.upsert([anybind.point(anybind.text(words)) for words in WORDS])
        assert len(await asynchronous.upsert_each([anybind.point(anybind.text("a house"))])) == 1
        assert (await asynchronous.search(anybind.text("a cat"), top_k=1))[0].point.id == ids[1]
        assert [point.id for point in await asynchronous.get(ids)] == ids
        assert await asynchronous.count() == 6
        assert await asynchronous.delete(ids) == 5
