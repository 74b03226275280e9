"""Items in, vectors out, through both clients."""

import asyncio
import threading

import media
import numpy as np
import pytest
import toys

import anybind


def test_vectors_come_in_the_order_of_the_items_and_are_units(client):
    items = [anybind.text("a dog"), anybind.image(media.picture()), anybind.text("a cat"), anybind.audio(media.sound())]
    vectors = client.embed(items)
    assert vectors.shape == (4, toys.EMBEDDING_SIZE)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    alone = np.concatenate([client.embed([item]) for item in items])
    np.testing.assert_allclose(vectors, alone, atol=1e-6)


def test_an_array_a_file_and_its_bytes_are_the_same_item(client, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    path = tmp_path / "noise.npy"
    np.save(path, pixels)
    vectors = client.embed([anybind.image(pixels), anybind.image(path), anybind.image(path.read_bytes())])
    assert (vectors == vectors[0]).all()


def test_a_sounds_rate_and_a_maps_unit_travel_with_it(client):
    wave = np.sin(np.arange(8000) / 9).astype(np.float32)
    counts = np.random.default_rng(0).integers(500, 3000, (20, 20), dtype=np.uint16)
    slow, fast = client.embed([anybind.audio(wave, sample_rate_hz=8000), anybind.audio(wave, sample_rate_hz=16000)])
    assert not np.allclose(slow, fast, atol=1e-3)
    millimetres, metres = client.embed([anybind.depth(counts), anybind.depth(counts * np.float32(0.001))])
    np.testing.assert_allclose(millimetres, metres, atol=1e-4)
    (decimetres,) = client.embed([anybind.depth(counts, unit_m=0.1)])
    assert not np.allclose(decimetres, metres, atol=1e-3)


def test_any_sensor_may_be_sent_by_its_name(client):
    vectors = client.embed(
        [anybind.item("imu", np.ones((6, 40), np.float32)), anybind.item("thermal", media.picture())]
    )
    assert vectors.shape == (2, toys.EMBEDDING_SIZE)


def test_embed_raises_the_first_bad_items_error_and_names_it(client, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8 no more")
    with pytest.raises(anybind.ItemError) as failure:
        client.embed([anybind.text("fine"), anybind.image(broken), anybind.text("")])
    assert failure.value.code == "UNDECODABLE"
    assert failure.value.index == 1
    assert str(broken) in str(failure.value)
    assert "embed_each" in failure.value.__notes__[0]


def test_embed_each_gives_every_items_own_outcome(client):
    good, bad, unknown = client.embed_each([anybind.text("fine"), anybind.text(""), anybind.item("smell", b"x")])
    assert isinstance(good, anybind.Embedding)
    assert (good.modality, good.space_id) == ("text", client.info().space_id)
    assert np.asarray(good).shape == (toys.EMBEDDING_SIZE,)
    assert (bad.code, bad.index) == ("EMPTY", 1)
    assert (unknown.code, unknown.index) == ("UNKNOWN_MODALITY", 2)


def test_more_items_than_fit_one_request_are_sent_in_several(client):
    limit = client.info().limits.items
    items = [anybind.text(f"number {number}") for number in range(limit + 10)]
    vectors = client.embed(items)
    np.testing.assert_allclose(vectors[-1], client.embed(items[-1:])[0], atol=1e-6)
    assert len(vectors) == limit + 10


def test_no_items_give_no_rows(client):
    assert client.embed([]).shape == (0, toys.EMBEDDING_SIZE)
    assert client.embed_each([]) == []


def test_clips_come_when_asked_for(client):
    (whole,) = client.embed_each([anybind.audio(media.sound(seconds=2))])
    (cut,) = client.embed_each([anybind.audio(media.sound(seconds=2))], with_clips=True)
    assert whole.clips == ()
    assert [clip.start_s for clip in cut.clips] == [0, 0.75, 1.5]
    mean = np.mean([clip.vector for clip in cut.clips], axis=0)
    np.testing.assert_allclose(cut.vector, mean / np.linalg.norm(mean), atol=1e-5)


def test_timings_say_where_the_time_went(client):
    (embedding,) = client.embed_each([anybind.image(media.picture(size=(900, 900)))])
    assert embedding.timings.decode_ms > 0
    assert embedding.timings.inference_ms > 0


def test_a_stream_answers_every_item_by_its_number(client):
    items = [anybind.text("a dog"), anybind.image(media.picture()), anybind.text(""), anybind.text("a cat")]
    answers = dict(client.embed_stream(items))
    assert sorted(answers) == [0, 1, 2, 3]
    assert answers[2].code == "EMPTY"
    np.testing.assert_allclose(answers[3].vector, client.embed(items[3:])[0], atol=1e-6)


def test_large_media_is_streamed_in_parts(client):
    pixels = np.random.default_rng(0).integers(0, 256, (1000, 1000, 3), dtype=np.uint8)  # 3 MB as an array
    ((_, streamed),) = client.embed_stream([anybind.image(pixels)])
    np.testing.assert_allclose(streamed.vector, client.embed([anybind.image(pixels)])[0], atol=1e-6)


def test_what_the_callers_own_iterable_raises_comes_out_of_the_stream(client):
    def items():
        yield anybind.text("a dog")
        yield anybind.image("/nowhere/at/all.jpg")

    with pytest.raises(FileNotFoundError):
        list(client.embed_stream(items()))


def test_a_stream_may_be_left_early(client):
    for _, outcome in client.embed_stream(anybind.text(f"number {number}") for number in range(1000)):
        assert isinstance(outcome, anybind.Embedding)
        break
    assert client.health()


def test_one_client_serves_several_threads(client):
    expected = client.embed([anybind.text(f"number {number}") for number in range(8)])
    seen = {}

    def work(number):
        seen[number] = [client.embed([anybind.text(f"number {number}")])[0] for _ in range(20)]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, vectors in seen.items():
        np.testing.assert_allclose(vectors, np.tile(expected[number], (20, 1)), atol=1e-6)


async def test_the_async_client_gives_the_same(client, address):
    items = [anybind.text("a dog"), anybind.image(media.picture())]
    async with anybind.AsyncClient(address) as asynchronous:
        np.testing.assert_allclose(await asynchronous.embed(items), client.embed(items), atol=1e-6)
        assert [one.modality for one in await asynchronous.embed_each(items)] == ["text", "image"]
        assert (await asynchronous.info()) == client.info()
        assert await asynchronous.health("anybind.v1.Embedding")
        with pytest.raises(anybind.ItemError):
            await asynchronous.embed([anybind.text("")])


async def test_the_async_stream_takes_asynchronous_items(address):
    async def items():
        for number in range(5):
            await asyncio.sleep(0)
            yield anybind.text(f"number {number}")

    async with anybind.AsyncClient(address) as client:
        assert sorted([index async for index, _ in client.embed_stream(items())]) == [0, 1, 2, 3, 4]
        assert [index async for index, _ in client.embed_stream([anybind.text("one")])] == [0]


async def test_what_an_asynchronous_iterable_raises_comes_out_of_the_stream(address):
    async def items():
        yield anybind.text("a dog")
        raise FileNotFoundError("all.jpg")

    async with anybind.AsyncClient(address) as client:
        with pytest.raises(FileNotFoundError):
            async for _ in client.embed_stream(items()):
                pass


@pytest.mark.parametrize("items", [anybind.text("a dog"), "a dog", ["a dog"]])
def test_what_is_no_list_of_items_is_refused_with_an_example(client, items):
    with pytest.raises(TypeError, match=r"anybind\.text"):
        client.embed(items)


def test_an_array_of_objects_is_never_pickled():
    with pytest.raises(ValueError, match="allow_pickle"):
        anybind.image(np.array([object()]))


def test_a_file_that_is_not_there_is_pythons_own_error():
    with pytest.raises(FileNotFoundError):
        anybind.image("/nowhere/at/all.jpg")


def test_both_clients_have_the_same_methods():
    def methods(kind):
        return {name for name in vars(kind) if not name.startswith("_")}

    assert methods(anybind.Client) == methods(anybind.AsyncClient)
