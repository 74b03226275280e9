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

__all__ = ["Rows", "data_of", "decode", "decode_media"]


def decode(encoder: Encoder, item: pb.Item, limits: Limits, tokenizer: "Tokenizer | None" = None) -> Rows:
    """The rows of one item, as the encoder's graph takes them.

    Args:
      encoder: whose recipe is followed.
      item: of that encoder's modality.
      tokenizer: needed by text recipes, see `text.load_tokenizer`.

    Raises:
      Empty, TooLarge, Undecodable, NotFinite, BadShape, InvalidArgument: what is wrong with the item.
    """
    if encoder.WhichOneof("recipe") != "text":
        return decode_media(encoder, item, data_of(item), limits)
    if item.WhichOneof("content") == "data":
        raise InvalidArgument(f"A {item.modality} item carries bytes; send its text in the `text` field.")
    from .text import decode_text

    return decode_text(encoder.text, item.text, limits, tokenizer)


def data_of(item: pb.Item) -> bytes:
    """The bytes of a file. Each look into a message copies them, so look once.

    Raises:
      InvalidArgument: the item carries text.
    """
    if item.WhichOneof("content") == "text":
        raise InvalidArgument(f"A {item.modality} item carries text; send the file's bytes in the `data` field.")
    return item.data


def decode_media(encoder: Encoder, item: pb.Item, data: bytes, limits: Limits) -> Rows:
    """As `decode`, of an item whose data have been taken out. Not for text."""
    what = f"{item.modality} item"
    if not data:
        raise Empty(f"The {what} has no bytes. Send the whole file.")
    if len(data) > limits.item_bytes:
        raise TooLarge(f"The {what} has {len(data):,} bytes; the limit is {limits.item_bytes:,}. Send a smaller file.")
    # Each kind of media is imported when it is first met: its libraries cost memory and start-up time.
    match kind := encoder.WhichOneof("recipe"):
        case "picture":
            from .picture import decode_picture

            return decode_picture(encoder.picture, data, limits, what)
        case "waveform":
            from .waveform import decode_waveform

            return decode_waveform(encoder.waveform, data, item.sample_rate_hz, limits, what)
        case "depth":
            from .depth import decode_depth

            return decode_depth(encoder.depth, data, item.depth_unit_m, limits, what)
        case "grey":
            from .grey import decode_grey

            return decode_grey(encoder.grey, data, limits, what)
        case "series":
            from .series import decode_series

            return decode_series(encoder.series, data, what)
    raise InvalidArgument(f"This version decodes no {kind!r} recipe. Use the anybind the model was exported with.")
