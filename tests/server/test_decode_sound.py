import media
import numpy as np
import pytest

from anybind.proto.v1 import embedding_pb2 as pb
from anybind.proto.v1 import manifest_pb2
from anybind.server.decode import Rows, decode
from anybind.server.errors import BadShape, Empty, InvalidArgument, NotFinite, TooLarge, Undecodable
from anybind.server.limits import Limits

EVEN = {
    "sample_rate_hz": 16_000,
    "clip_s": 2.0,
    "clips": 3,
    "plan": manifest_pb2.CLIP_PLAN_EVEN,
    "channel": manifest_pb2.CHANNEL_FIRST,
    "short_clip": manifest_pb2.SHORT_CLIP_KEEP,
}
TILE = EVEN | {"plan": manifest_pb2.CLIP_PLAN_TILE, "short_clip": manifest_pb2.SHORT_CLIP_LOOP}


def clips(data: bytes, recipe: dict = EVEN, *, rate_hz: float = 0, seconds: float = 600.0) -> Rows:
    encoder = manifest_pb2.Encoder(modality="audio", waveform=manifest_pb2.WaveformRecipe(**recipe))
    return decode(encoder, pb.Item(modality="audio", data=data, sample_rate_hz=rate_hz), Limits(seconds=seconds))


def ramp(seconds: float) -> np.ndarray:
    """A signal whose value tells the sample's place."""
    return np.arange(round(seconds * 16_000), dtype=np.float32) / 1e6


@pytest.mark.parametrize(
    "kind", [{"format": "WAV"}, {"format": "FLAC"}, {"format": "OGG", "subtype": "VORBIS"}, {"format": "MP3"}]
)
def test_every_format_gives_the_recipe_s_clips(kind: dict) -> None:
    rows = clips(media.sound(5.0, **kind))
    assert rows.array.shape == (3, 32_000)
    assert rows.array.dtype == np.float32


def test_even_clips_start_at_equal_steps_and_end_with_the_sound() -> None:
    rows = clips(media.npy(ramp(5.0)))
    assert rows.spans == ((0.0, 2.0), (1.5, 3.5), (3.0, 5.0))
    np.testing.assert_array_equal(rows.array[:, 0], ramp(5.0)[[0, 24_000, 48_000]])


def test_a_short_sound_is_heard_as_it_is_where_the_recipe_keeps_it() -> None:
    rows = clips(media.npy(ramp(0.5)))
    assert rows.array.shape == (3, 8_000)
    assert rows.spans == ((0.0, 0.5),) * 3


def test_a_short_sound_repeats_where_the_recipe_loops_it() -> None:
    rows = clips(media.npy(ramp(0.5)), TILE)
    np.testing.assert_array_equal(rows.array[0], np.tile(ramp(0.5), 4))
    assert rows.spans == ((0.0, 0.5),)


@pytest.mark.parametrize(
    ("seconds", "starts"),
    [(2.0, [0]), (2.9, [0]), (3.5, [0, 1.5]), (6.0, [0, 2, 4]), (6.9, [0, 2, 4]), (20.0, [0, 9, 18])],
)
def test_tiled_clips_follow_one_another_and_never_leave_the_sound(seconds: float, starts: list[float]) -> None:
    rows = clips(media.npy(ramp(seconds)), TILE)
    assert [start for start, _ in rows.spans] == starts
    assert rows.array.shape == (len(starts), 32_000)


def test_the_first_channel_or_the_mean_is_heard_as_the_recipe_says() -> None:
    stereo = np.stack([np.full(16_000, 0.5), np.full(16_000, -0.25)], axis=1).astype(np.float32)
    mean = EVEN | {"channel": manifest_pb2.CHANNEL_MEAN}
    assert (clips(media.npy(stereo)).array == 0.5).all()
    assert (clips(media.npy(stereo), mean).array == 0.125).all()


def test_another_rate_is_resampled_to_the_recipe_s() -> None:
    rows = clips(media.sound(2.0, rate_hz=44_100))
    assert rows.array.shape == (3, 32_000)
    np.testing.assert_allclose(rows.array[0, 500:-500], clips(media.sound(2.0)).array[0, 500:-500], atol=2e-3)


def test_sixteen_bit_arrays_are_scaled_to_one() -> None:
    assert clips(media.npy(np.full(16_000, -32_768, np.int16))).array.min() == -1.0


def test_three_hours_are_refused_by_their_header() -> None:
    with pytest.raises(TooLarge, match=r"lasts 10,800 s; the limit is 600 s"):
        clips(media.long_wav(3 * 3600, rate_hz=1_000))


def test_a_sound_of_no_samples_is_empty() -> None:
    with pytest.raises(Empty, match="no samples"):
        clips(media.sound(0.0))
    with pytest.raises(Empty, match="no bytes"):
        clips(b"")


def test_a_sound_shorter_than_one_window_is_empty() -> None:
    with pytest.raises(Empty, match=r"lasts 0.02 s; at least 0.025 s"):
        clips(media.sound(0.02))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_value_that_is_not_finite_is_refused_with_its_place(value: float) -> None:
    signal = np.zeros(16_000, np.float32)
    signal[7] = value
    with pytest.raises(NotFinite, match=r"1 values that are NaN or infinite, the first at \(7,\)"):
        clips(media.npy(signal))


def test_nan_inside_a_wav_is_refused() -> None:
    data = bytearray(media.sound(1.0, subtype="FLOAT"))
    data[-4:] = np.float32(np.nan).tobytes()
    with pytest.raises(NotFinite):
        clips(bytes(data))


@pytest.mark.parametrize(
    "kind", [{"format": "WAV"}, {"format": "FLAC"}, {"format": "OGG", "subtype": "VORBIS"}, {"format": "MP3"}]
)
@pytest.mark.parametrize("share", [0.01, 0.5, 0.9])
def test_a_sound_cut_short_is_undecodable(kind: dict, share: float) -> None:
    data = media.sound(1.0, **kind)
    with pytest.raises(Undecodable, match="Send the whole file"):
        clips(data[: int(share * len(data))])


def test_a_stream_s_wav_without_a_size_is_heard() -> None:
    data = bytearray(media.sound(1.0))
    data[4:8] = data[40:44] = b"\xff\xff\xff\xff"
    assert clips(bytes(data)).spans[-1] == (0.0, 1.0)


@pytest.mark.parametrize("rate_hz", [1.0, 1e9, float("nan"), -8_000.0])
def test_an_impossible_rate_is_refused(rate_hz: float) -> None:
    with pytest.raises(InvalidArgument, match="1,000 to 768,000 are taken"):
        clips(media.npy(ramp(1.0)), rate_hz=rate_hz)


@pytest.mark.parametrize(
    "array", [np.zeros((2, 3, 4), np.float32), np.zeros((2, 90), np.float32), np.zeros(9, np.uint8)]
)
def test_an_array_that_is_no_sound_is_refused(array: np.ndarray) -> None:
    with pytest.raises(BadShape):
        clips(media.npy(array))
