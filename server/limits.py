"""What the server takes. More is refused before it costs anything."""

from dataclasses import asdict, dataclass

from ..proto.v1 import embedding_pb2 as pb


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The limits `Info` lists; see `Limits` in embedding.proto for what each counts."""

    message_bytes: int = 64 << 20
    item_bytes: int = 64 << 20
    items: int = 256
    pixels: int = 100_000_000
    seconds: float = 600.0
    text_bytes: int = 64 << 10

    def to_proto(self) -> pb.Limits:
        return pb.Limits(**asdict(self))
