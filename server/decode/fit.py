"""Scales a picture so that its short side fits, then cuts out the centre, as torchvision's Resize and CenterCrop do."""

from PIL import Image

from ...proto.v1 import manifest_pb2 as pb
from ..errors import TooLarge
from ..limits import Limits

_RESAMPLE = {
    pb.RESAMPLE_NEAREST: Image.Resampling.NEAREST,
    pb.RESAMPLE_BILINEAR: Image.Resampling.BILINEAR,
    pb.RESAMPLE_BICUBIC: Image.Resampling.BICUBIC,
}


def check_pixels(width: int, height: int, limits: Limits, what: str) -> None:
    """Refuses a picture by its header's size, before a pixel of it is decoded."""
    if width * height > limits.pixels:
        raise TooLarge(
            f"The {what} is {width:,} x {height:,}, {width * height:,} pixels; the limit is {limits.pixels:,}. "
            "Send a smaller one."
        )


def fit(picture: Image.Image, height: int, width: int, resample: pb.Resample, limits: Limits, what: str) -> Image.Image:
    """A picture of exactly `height` x `width`: short side scaled to the shorter of the two, centre cut out.

    Equal, pixel for pixel, to torchvision's `Resize(min(height, width))` and `CenterCrop((height, width))`
    on PIL pictures.

    Raises:
      TooLarge: it is so narrow that, scaled, it would have more pixels than the limit.
    """
    side = min(height, width)
    old_width, old_height = picture.size
    # int() cuts as torchvision does; rounding would shift some pictures by half a pixel.
    if old_width <= old_height:
        new_width, new_height = side, int(side * old_height / old_width)
    else:
        new_width, new_height = int(side * old_width / old_height), side
    if new_width * new_height > limits.pixels:
        raise TooLarge(
            f"The {what} is {old_width:,} x {old_height:,}; with its short side scaled to {side} it would be "
            f"{new_width:,} x {new_height:,}, over the limit of {limits.pixels:,} pixels. Cut it into squarer pieces."
        )
    if (new_width, new_height) != picture.size:
        picture = picture.resize((new_width, new_height), _RESAMPLE[resample])
    if (new_width, new_height) == (width, height):
        return picture
    left, top = round((new_width - width) / 2.0), round((new_height - height) / 2.0)
    return picture.crop((left, top, left + width, top + height))
