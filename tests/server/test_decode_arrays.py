import media
import numpy as np
import pytest

from anybind.proto.v1 import embedding_pb2 as pb
from anybind.proto.v1 import manifest_pb2
from anybind.server.decode import decode
from anybind.server.errors import BadShape, Empty, InvalidArgument, NotFinite, TooLarge, Undecodable
from anybind.server.limits import Limits

DEPTH = manifest_pb2.Encoder(
    modality="depth",
    depth=manifest_pb2.DepthRecipe(height=16, width=16, resample=manifest_pb2.RESAMPLE_BILINEAR, max_metres=10),
)
IMU = manifest_pb2.Encoder(modality="imu", series=manifest_pb2.SeriesRecipe(channels=6, samples=40))


def metres(data: bytes, unit_m: float = 0, **limits: int) -> np.ndarray:
    return decode(DEPTH, pb.Item(modality="depth", data=data, depth_unit_m=unit_m), Limits(**limits)).array


def series(array: np.ndarray) -> np.ndarray:
    return decode(IMU, pb.Item(modality="imu", data=media.npy(array)), Limits()).array


def test_sixteen_bit_counts_are_millimetres_unless_said_otherwise() -> None:
    counts = np.full((20, 24), 1500)
    assert metres(media.depth_png(counts)) == pytest.approx(1.5)
    assert metres(media.npy(counts.astype(np.uint16))) == pytest.approx(1.5)
    assert metres(media.depth_png(counts), unit_m=0.002) == pytest.approx(3.0)


def test_floating_point_depth_is_in_metres_already() -> None:
    row = metres(media.npy(np.full((20, 24), 1.5)), unit_m=0.002)
    assert row.shape == (1, 16, 16)
    assert row.dtype == np.float32
    assert row == pytest.approx(1.5)


def test_unseen_places_do_not_pull_their_neighbours_closer() -> None:
    holes = np.full((32, 32), 2.0, np.float32)
    holes[::4, ::4] = 0
    row = metres(media.npy(holes))
    assert set(np.unique(row.round(4))) <= {0.0, 2.0}


def test_readings_beyond_the_recipe_s_reach_are_unseen() -> None:
    far = np.full((16, 16), 3.0, np.float32)
    far[0, 0] = 11.0
    assert metres(media.npy(far))[0, 0, 0] == 0


def test_a_map_without_a_reading_is_empty() -> None:
    with pytest.raises(Empty, match="no reading within 10 m"):
        metres(media.depth_png(np.zeros((20, 20))))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_depth_that_is_not_finite_is_refused_with_its_place(value: float) -> None:
    map_ = np.ones((16, 16), np.float32)
    map_[3, 5] = value
    with pytest.raises(NotFinite, match=r"first at \(3, 5\)"):
        metres(media.npy(map_))


def test_negative_depth_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="least value is -1"):
        metres(media.npy(np.full((16, 16), -1.0)))


@pytest.mark.parametrize("unit_m", [-1.0, float("nan"), float("inf")])
def test_a_unit_that_is_no_length_is_refused(unit_m: float) -> None:
    with pytest.raises(InvalidArgument, match="it must be above 0"):
        metres(media.npy(np.ones((16, 16), np.uint16)), unit_m=unit_m)


def test_an_eight_bit_map_is_refused_saying_what_to_save() -> None:
    with pytest.raises(BadShape, match="Save counts as a 16-bit PNG"):
        metres(media.picture("PNG", mode="L"))


def test_a_photograph_is_no_depth_map() -> None:
    with pytest.raises(Undecodable, match="no readable PNG"):
        metres(media.picture("JPEG"))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_a_map_cut_short_is_undecodable(share: float) -> None:
    counts = np.random.default_rng(0).integers(1, 5000, (30, 30))
    for data in (media.depth_png(counts), media.npy(counts)):
        with pytest.raises(Undecodable):
            metres(data[: int(share * len(data))])


def test_a_map_with_too_many_readings_is_refused_with_both_numbers() -> None:
    with pytest.raises(TooLarge, match="400 pixels; the limit is 399"):
        metres(media.npy(np.ones((20, 20))), pixels=399)


def test_a_pickled_array_is_never_loaded() -> None:
    with pytest.raises(Undecodable, match="pickled"):
        metres(media.npy(np.array([[print]], dtype=object), allow_pickle=True))


def test_a_header_cannot_claim_memory_that_the_file_does_not_hold() -> None:
    data = media.npy(np.ones((10, 10))).replace(b"(10, 10), }          ", b"(1000000, 1000000), }")
    with pytest.raises(Undecodable, match="8,000,000,000,000 bytes, but holds 800"):
        metres(data)


@pytest.mark.parametrize("array", [np.ones(4), np.ones((2, 2, 2)), np.array([["a"]]), np.ones((2, 2), np.complex64)])
def test_an_array_that_is_no_map_is_refused(array: np.ndarray) -> None:
    with pytest.raises(BadShape):
        metres(media.npy(array))


@pytest.mark.parametrize("array", [np.asfortranarray(np.eye(16) + 1), (np.eye(16) + 1).astype(">f8")])
def test_byte_order_and_memory_order_do_not_matter(array: np.ndarray) -> None:
    np.testing.assert_array_equal(metres(media.npy(array))[0], np.eye(16, dtype=np.float32) + 1)


def test_a_long_recording_keeps_its_centre_and_a_short_one_ends_in_zeros() -> None:
    long = np.tile(np.arange(50, dtype=np.float32), (6, 1))
    np.testing.assert_array_equal(series(long)[0, 0], np.arange(5, 45))
    short = series(long[:, 1:11])
    assert short.shape == (1, 6, 40)
    np.testing.assert_array_equal(short[0, 5], [*range(1, 11), *[0] * 30])


def test_another_number_of_channels_is_refused_with_both_shapes() -> None:
    with pytest.raises(BadShape, match=r"shape \(40, 6\); \(6, samples\) is needed"):
        series(np.ones((40, 6)))


@pytest.mark.parametrize("array", [np.full((6, 40), np.nan), np.full((6, 40), 1e300)])
def test_a_recording_that_is_not_finite_in_float32_is_refused(array: np.ndarray) -> None:
    with pytest.raises(NotFinite):
        series(array)


def test_a_recording_of_nothing_is_empty() -> None:
    with pytest.raises(Empty):
        series(np.ones((6, 0)))
