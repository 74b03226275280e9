import numpy as np
import pytest
import torch

from anybind.encoders.imagebind_inputs import DepthInput, GreyInput, PictureInput, SoundInput


def test_pixels_are_normalised_as_clip_does() -> None:
    pixels = torch.zeros(1, 2, 3, 3, dtype=torch.uint8)
    pixels[..., 1] = 255
    planes = PictureInput()(pixels)
    assert planes.shape == (1, 3, 2, 3)
    expected = torch.tensor([-0.48145466 / 0.26862954, (1 - 0.4578275) / 0.26130258, -0.40821073 / 0.27577711])
    assert torch.allclose(planes[0, :, 0, 0], expected)


def test_metres_become_disparity() -> None:
    metres = torch.tensor([[[0.0, 1.0, 2.0, 1e-3, 1e9]]])
    planes = DepthInput()(metres)
    assert planes.shape == (1, 1, 1, 5)
    pixels = (planes[0, 0, 0] * 0.0295 + 0.0418) * 75
    at_one_metre = 0.075 * 518.857901
    assert torch.allclose(pixels, torch.tensor([0.01, at_one_metre, at_one_metre / 2, 75.0, 0.01]), atol=1e-4)


def test_grey_levels_are_parts_of_one() -> None:
    planes = GreyInput()(torch.tensor([[[0, 255, 51]]], dtype=torch.uint8))
    assert torch.allclose(planes, torch.tensor([[[[0.0, 1.0, 0.2]]]]))


@pytest.fixture(scope="module")
def front() -> SoundInput:
    return SoundInput(mels=128, target_frames=204)


def test_a_constant_added_to_a_clip_is_not_heard(front: SoundInput) -> None:
    clip = 0.1 * torch.randn(1, 32_000, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(front(clip), front(clip + 0.3), atol=0.02)


@pytest.mark.parametrize(
    ("samples", "frames"), [(32_000, 198), (16_000, 98), (560, 2), (399, 0), (10, 0), (40_000, 204)]
)
def test_missing_frames_are_zero_before_normalising(front: SoundInput, samples: int, frames: int) -> None:
    clip = 0.1 * torch.randn(1, samples, generator=torch.Generator().manual_seed(0))
    planes = front(clip)
    assert planes.shape == (1, 1, 128, 204)
    mel = planes[0, 0] * 9.138 - 4.268
    assert torch.equal(mel.abs().amax(dim=0) > 1e-3, torch.arange(204) < frames)


def test_no_frame_hears_the_padding(front: SoundInput) -> None:
    clip = 0.1 * torch.randn(1, 720, generator=torch.Generator().manual_seed(0))
    heard = front.filterbank(clip - clip.mean()).transpose(1, 2)  # (1, 128, 3)
    assert torch.allclose(front(clip)[:, 0, :, :3], (heard + 4.268) / 9.138, atol=1e-5)


def test_the_published_preprocessing_is_matched(front: SoundInput, shared) -> None:
    """Mel pictures of a stored waveform, through the whole front end, against torchaudio's bank by hand."""
    with np.load(shared / "reference/imagebind/kaldi_fbank.npz") as stored:
        waveform, bank = torch.from_numpy(stored["waveform"][:2]), torch.from_numpy(stored["fbank"][:2])
    padded = torch.nn.functional.pad(bank.transpose(1, 2), (0, 6))[:, None]
    assert torch.allclose(front(waveform), (padded + 4.268) / 9.138, atol=2e-3)
