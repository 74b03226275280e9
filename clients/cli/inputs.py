"""The items a command is given, in the order they stand on the command line."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand

if TYPE_CHECKING:
    from ..items import Item

_ORDER = "anybind.order"
_MODALITY_OF = {"images": "image", "audios": "audio", "depths": "depth", "texts": "text"}
STDIN = "-"


class InOrder(TyperCommand):
    """A command that remembers the order of its options across different ones; parsing alone groups them by name."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:
        _, _, order = self.make_parser(ctx).parse_args(args=list(args))
        ctx.meta[_ORDER] = [parameter.name for parameter in order]
        return super().parse_args(ctx, args)


@dataclass(frozen=True)
class Given:
    """One thing named on the command line, not yet read."""

    modality: str
    source: str  # a path, "-" for standard input, or the words themselves

    def read(self, depth_unit_m: float | None = None) -> "Iterator[tuple[str, Item]]":
        """The items it holds, each with its source: one, or as many as standard input has lines of text.

        Raises:
          OSError: it cannot be read.
        """
        from .. import items

        if self.modality == "text":
            for line in _lines() if self.source == STDIN else [self.source]:
                yield line, items.text(line)
            return
        content = sys.stdin.buffer.read() if self.source == STDIN else self.source
        unit_m = depth_unit_m if self.modality == "depth" else None
        yield self.source, items.item(self.modality, content, unit_m=unit_m)


def given_in_order(context: typer.Context, values: Mapping[str, Sequence[str] | None]) -> list[Given]:
    """What the options of these names were given, in the order of the command line.

    Raises:
      typer.BadParameter: an `--item` is not MODALITY=FILE, or standard input is wanted twice.
    """
    left: dict[str, Iterator[Any]] = {name: iter(some or ()) for name, some in values.items()}
    given = [_given(name, next(left[name])) for name in context.meta[_ORDER] if name in left]
    if sum(one.source == STDIN for one in given) > 1:
        raise typer.BadParameter("Standard input can be read once only; '-' stands there twice.")
    return given


def _given(name: str, value: str) -> Given:
    if name in _MODALITY_OF:
        return Given(_MODALITY_OF[name], value)
    modality, equals, source = value.partition("=")
    if not (modality and equals and source):
        raise typer.BadParameter(f"--item takes MODALITY=FILE, such as thermal=cat.png; this is {value!r}.")
    if modality == "text":
        raise typer.BadParameter("--item takes files. Words are given with --text.")
    return Given(modality, source)


def _lines() -> Iterator[str]:
    for line in sys.stdin.buffer:
        words = line.decode("utf-8", "replace").strip()
        if words:
            yield words
