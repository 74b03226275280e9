"""Bytes to rows: what a caller sent becomes what a graph takes.

Pure functions of bytes: nothing here opens a path, runs a graph or knows of gRPC, so training and serving
read media through the same code.
"""

from typing import TYPE_CHECKING

from ...proto.v1 import embedding_pb2 as pb
from ...proto.v1.manifest_pb2 import Encoder
from ..errors import Empty, InvalidArgument, TooLarge
from ..limits import Limits
from .rows import Rows

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["Rows", "decode"]


def decode(encoder: Encoder, item: pb.Item, limits: Limits, tokenizer: "Tokenizer | None" = None) -> Rows:
    """The rows of one item, as the encoder's graph takes them.

    Args:
      encoder: whose recipe is followed.
      item: of that encoder's modality.
      tokenizer: needed by text recipes, see `text.load_tokenizer`.

    Raises:
      Empty, TooLarge, Undecodable, NotFinite, BadShape, InvalidArgument: what is wrong with the item.
    """
    recipe = encoder.WhichOneof("recipe")
    content = item.WhichOneof("content")
    if recipe == "text":
        if content == "data":
            raise InvalidArgument(f"A {item.modality} item carries bytes; send its text in the `text` field.")
        from .text import decode_text

        return decode_text(encoder.text, item.text, limits, tokenizer)
    if content == "text":
        raise InvalidArgument(f"A {item.modality} item carries text; send the file's bytes in the `data` field.")
    if not item.data:
        raise Empty(f"The {item.modality} item has no bytes. Send the whole file.")
    if len(item.data) > limits.item_bytes:
        raise TooLarge(
            f"The {item.modality} item has {len(item.data):,} bytes; the limit is {limits.item_bytes:,}. "
            "Send a smaller file."
        )
    # Each kind of media is imported when it is first met: its libraries cost memory and start-up time.
    match recipe:
        case "picture":
            from .picture import decode_picture

            return decode_picture(encoder.picture, item, limits)
        case "waveform":
            from .waveform import decode_waveform

            return decode_waveform(encoder.waveform, item, limits)
        case "depth":
            from .depth import decode_depth

            return decode_depth(encoder.depth, item, limits)
        case "grey":
            from .grey import decode_grey

            return decode_grey(encoder.grey, item, limits)
        case "series":
            from .series import decode_series

            return decode_series(encoder.series, item, limits)
    raise InvalidArgument(f"This version decodes no {recipe!r} recipe. Use the anybind the model was exported with.")
