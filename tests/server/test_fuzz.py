"""Whatever bytes come, decoding gives sound rows or one of its own errors; nothing else, and nothing slow."""

import io

import media
import numpy as np
import pytest
import toys
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.lib import format as npy

from anybind.proto.v1 import embedding_pb2 as pb
from anybind.proto.v1 import manifest_pb2
from anybind.server.decode import decode
from anybind.server.errors import ServingError
from anybind.server.limits import Limits

ENCODERS = {
    modality: manifest_pb2.Encoder(modality=modality, **toys._RECIPES[modality]) for modality in toys.MODALITIES
}
LIMITS = Limits(pixels=1_000_000, seconds=20.0, item_bytes=1 << 20)
TOKENIZER = toys.tokenizer()

SEEDS = {
    "image": [
        media.picture("JPEG"),
        media.picture("PNG", mode="RGBA"),
        media.picture("PNG", mode="P"),
        media.picture("WEBP"),
        media.picture("GIF"),
        media.picture("BMP"),
    ],
    "audio": [
        media.sound(0.3, rate_hz=8_000, channels=2),
        media.sound(0.3, subtype="FLOAT"),
        media.sound(0.3, format="FLAC"),
        media.sound(0.3, format="OGG", subtype="VORBIS"),
        media.sound(0.3, format="MP3"),
        media.npy(np.zeros(6_000, np.float32)),
    ],
    "depth": [media.depth_png(np.full((20, 20), 1500)), media.npy(np.ones((20, 20), np.float32))],
    "thermal": [media.picture("PNG", mode="L"), media.npy(np.zeros((20, 20), np.uint8))],
    "imu": [media.npy(np.ones((6, 40), np.float32))],
}


def check(item: pb.Item) -> None:
    """Decodes an item, and holds what comes of it to what is promised."""
    encoder = ENCODERS[item.modality]
    refusal = None
    try:
        rows = decode(encoder, item, LIMITS, TOKENIZER)
    except ServingError as error:
        refusal = error
    if refusal is not None:
        assert str(refusal).endswith("."), refusal
        assert refusal.name != "INTERNAL"
        return
    assert len(rows.array) >= 1
    assert rows.array.flags.c_contiguous
    assert not rows.spans or len(rows.spans) == len(rows.array)
    assert all(0 <= start_s <= end_s for start_s, end_s in rows.spans)
    assert np.isfinite(rows.array).all()
    golden = toys._rows(item.modality, np.random.default_rng(0))
    assert rows.array.dtype == golden.dtype
    if item.modality not in ("text", "audio"):
        assert rows.array.shape[1:] == golden.shape[1:]


@st.composite
def damaged(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """A sound file with some bytes changed, cut out, doubled or put in."""
    data = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(1, 6))):
        # Headers are where the damage tells: half of it falls into the first 64 bytes.
        place = draw(st.one_of(st.integers(0, min(64, len(data))), st.integers(0, len(data))))
        what = draw(st.sampled_from(["change", "cut", "double", "insert"]))
        length = draw(st.integers(1, 8))
        if what == "change":
            data[place : place + length] = draw(st.binary(min_size=length, max_size=length))
        elif what == "cut":
            del data[place : place + draw(st.sampled_from([length, len(data)]))]
        elif what == "double":
            data[place:place] = data[place : place + length]
        else:
            data[place:place] = draw(st.binary(min_size=length, max_size=length))
    return bytes(data)


def fuzz(examples: int):
    return settings(
        max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
    )


@pytest.mark.parametrize("modality", SEEDS)
def test_damaged_files_give_rows_or_an_error_of_ours(modality: str) -> None:
    @fuzz(120)
    @given(damaged(SEEDS[modality]))
    def run(data: bytes) -> None:
        check(pb.Item(modality=modality, data=data))

    run()


@pytest.mark.slow
@pytest.mark.parametrize("modality", SEEDS)
def test_many_damaged_files_give_rows_or_an_error_of_ours(modality: str) -> None:
    @fuzz(5_000)
    @given(damaged(SEEDS[modality]))
    def run(data: bytes) -> None:
        check(pb.Item(modality=modality, data=data))

    run()


@pytest.mark.parametrize("modality", SEEDS)
def test_any_bytes_give_rows_or_an_error_of_ours(modality: str) -> None:
    @fuzz(50)
    @given(st.binary(max_size=200))
    def run(data: bytes) -> None:
        check(pb.Item(modality=modality, data=data))

    run()


DTYPES = st.sampled_from(
    ["u1", "<i2", ">u2", "<i4", "<u8", "<f2", ">f4", "<f8", "<c8", "?", "S3", "<U2", "V4", "O", "<M8[s]"]
)
SHAPES = st.lists(st.one_of(st.integers(0, 40), st.sampled_from([-1, 2**31, 2**62])), max_size=4).map(tuple)


@pytest.mark.parametrize("modality", SEEDS)
def test_any_npy_header_gives_rows_or_an_error_of_ours(modality: str) -> None:
    @fuzz(80)
    @given(DTYPES, SHAPES, st.booleans(), st.binary(max_size=64), st.sampled_from([1, 10, 200]))
    def run(dtype: str, shape: tuple[int, ...], fortran_order: bool, data: bytes, times: int) -> None:
        file = io.BytesIO()
        npy.write_array_header_1_0(file, {"descr": dtype, "fortran_order": fortran_order, "shape": shape})
        check(pb.Item(modality=modality, data=file.getvalue() + data * times))

    run()


@fuzz(100)
@given(st.sampled_from(list(SEEDS)), st.floats(), st.floats(), st.integers(0, 5))
def test_any_rate_and_unit_give_rows_or_an_error_of_ours(modality: str, rate_hz: float, unit_m: float, i: int) -> None:
    data = SEEDS[modality][i % len(SEEDS[modality])]
    check(pb.Item(modality=modality, data=data, sample_rate_hz=rate_hz, depth_unit_m=unit_m))


@fuzz(200)
@given(st.text(max_size=300))
def test_any_text_gives_rows_or_an_error_of_ours(text: str) -> None:
    check(pb.Item(modality="text", text=text.encode("utf-8", "ignore").decode()))
