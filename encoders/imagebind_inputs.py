"""ImageBind's front ends: the decoded, cut-to-size raw thing becomes the input the published encoders were trained on.

These run inside the exported graph, so that no client has to repeat them. Source of the constants:
facebookresearch/ImageBind `imagebind/data.py`; depth after facebookresearch/omnivore.
"""

from collections import OrderedDict

import torch
from torch import Tensor, nn

from .filterbank import FilterBank
from .imagebind import ImageBindConfig
from .imagebind_trunk import Encoder

SAMPLE_RATE_HZ = 16_000
CLIP_S = 2.0
CLIPS = 3

PIXEL_MEAN = (0.48145466, 0.4578275, 0.40821073)
PIXEL_STD = (0.26862954, 0.26130258, 0.27577711)

MEL_MEAN, MEL_STD = -4.268, 9.138

# The published model was trained on disparity in pixels, depth = baseline * focal length / disparity. These are of
# the first Kinect, which saw NYU Depth v2 and a quarter of SUN RGB-D.
BASELINE_M = 0.075
FOCAL_LENGTH_PX = 518.857901
LEAST_DISPARITY_PX, MOST_DISPARITY_PX = 0.01, 75.0
DISPARITY_MEAN, DISPARITY_STD = 0.0418, 0.0295


class PictureInput(nn.Module):
    """RGB pixels, uint8 (B, H, W, 3) -> (B, 3, H, W), mean 0 and deviation 1 over CLIP's training pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", 255 * torch.tensor(PIXEL_MEAN), persistent=False)
        self.register_buffer("std", 255 * torch.tensor(PIXEL_STD), persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        return ((pixels.float() - self.mean) / self.std).permute(0, 3, 1, 2)


class SoundInput(nn.Module):
    """A clip, float32 (B, samples) at 16 kHz -> (B, 1, mels, frames), frames always `target_frames`.

    A clip's mean is taken away before the filter bank. Frames that it is too short for are 0 before all are
    normalised, which is louder than silence: so it was published.
    """

    def __init__(self, mels: int, target_frames: int) -> None:
        super().__init__()
        self.filterbank = FilterBank(SAMPLE_RATE_HZ, mels)
        self.target_frames = target_frames
        self.needed_samples = self.filterbank.samples_for(target_frames)

    def forward(self, samples: Tensor) -> Tensor:
        centred = samples - samples.mean(dim=1, keepdim=True)
        silence = torch.zeros_like(centred[:, :1]).expand(-1, self.needed_samples)
        filled = torch.cat([centred, silence], dim=1)[:, : self.needed_samples]
        mel = self.filterbank(filled)  # (B, target_frames, mels)
        # A frame is heard if its last sample is inside the clip.
        bank = self.filterbank
        ends = torch.arange(self.target_frames) * bank.shift_samples + bank.frame_samples
        heard = (ends <= samples.shape[1])[:, None]
        return ((torch.where(heard, mel, 0.0) - MEL_MEAN) / MEL_STD).transpose(1, 2).unsqueeze(1)


class DepthInput(nn.Module):
    """Metres, float32 (B, H, W), 0 where unseen -> (B, 1, H, W) normalised disparity. Unseen counts as farthest."""

    def forward(self, metres: Tensor) -> Tensor:
        seen = metres > 0
        disparity = BASELINE_M * FOCAL_LENGTH_PX / torch.where(seen, metres, 1.0)
        disparity = torch.where(seen, disparity, 0.0).clamp(LEAST_DISPARITY_PX, MOST_DISPARITY_PX)
        return ((disparity / MOST_DISPARITY_PX - DISPARITY_MEAN) / DISPARITY_STD).unsqueeze(1)


class GreyInput(nn.Module):
    """Levels of one channel, uint8 (B, H, W) -> (B, 1, H, W) in [0, 1]."""

    def forward(self, levels: Tensor) -> Tensor:
        return levels.float().unsqueeze(1) / 255


def from_raw(encoder: Encoder, config: ImageBindConfig, modality: str) -> nn.Module:
    """An encoder that takes raw rows: uint8 pixels, samples, ids, metres, levels or IMU values -> unit vectors."""
    match modality:
        case "image":
            front = PictureInput()
        case "audio":
            front = SoundInput(config.audio_num_mel_bins, config.audio_target_len)
        case "depth":
            front = DepthInput()
        case "thermal":
            front = GreyInput()
        case _:
            front = nn.Identity()
    return nn.Sequential(OrderedDict(front=front, encoder=encoder)).eval()
