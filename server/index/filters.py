"""Which points: a filter in the index's own words, and its translation for an engine."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .errors import BadFilter

FIELDS = ("modality", "uri", "media_type", "title", "content_id")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Equals:
    value: str | int | bool


@dataclass(frozen=True)
class AnyOf:
    values: tuple[str, ...] | tuple[int, ...]  # at least one, not mixed


@dataclass(frozen=True)
class Range:
    """Bounds of a number; None does not bind."""

    gt: float | None = None
    gte: float | None = None
    lt: float | None = None
    lte: float | None = None


@dataclass(frozen=True)
class Exists:
    """True: the field is there and neither null nor an empty list. False: the opposite."""

    wanted: bool


Test = Equals | AnyOf | Range | Exists


@dataclass(frozen=True)
class Condition:
    """One test of one field: a name of `FIELDS`, or `payload.NAME` where dots go deeper."""

    key: str
    test: Test


@dataclass(frozen=True)
class Filter:
    """All of `must`, none of `must_not`, and, where there are any, at least one of `should`."""

    must: tuple[Condition, ...] = ()
    must_not: tuple[Condition, ...] = ()
    should: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class Dialect:
    """An engine's own constructors of the same ideas."""

    filter: Callable[..., Any]  # must, must_not, should
    field: Callable[..., Any]  # key, and match, range or is_empty
    value: Callable[..., Any]  # value
    flag: Callable[[str, bool], Any]  # a condition: the field at this key is that bool
    any_of: Callable[..., Any]  # any
    range: Callable[..., Any]  # gt, gte, lt, lte


def translate(wanted: Filter, dialect: Dialect) -> Any:
    """The engine's filter that lets the same points through.

    Raises:
      BadFilter: a key names no stored field.
    """
    return dialect.filter(
        must=[_condition(condition, dialect) for condition in wanted.must] or None,
        must_not=[_condition(condition, dialect) for condition in wanted.must_not] or None,
        should=[_condition(condition, dialect) for condition in wanted.should] or None,
    )


def _condition(condition: Condition, dialect: Dialect) -> Any:
    key = path_of(condition.key)
    match condition.test:
        case Equals(bool(value)):
            return dialect.flag(condition.key, value)
        case Equals(value):
            return dialect.field(key=key, match=dialect.value(value=value))
        case AnyOf(values):
            return dialect.field(key=key, match=dialect.any_of(any=list(values)))
        case Range(gt, gte, lt, lte):
            return dialect.field(key=key, range=dialect.range(gt=gt, gte=gte, lt=lt, lte=lte))
        case Exists(wanted):
            empty = dialect.field(key=key, is_empty=True)
            return dialect.filter(must_not=[empty]) if wanted else empty


def path_of(key: str) -> str:
    """The engine's path to a field, with names quoted that it would otherwise read as grammar.

    Raises:
      BadFilter: the key names no stored field.
    """
    if key in FIELDS:
        return key
    root, *names = key.split(".")
    if root != "payload" or not names or not all(names) or '"' in key:
        raise BadFilter(
            f"A filter names the field {key!r}. Known are {', '.join(FIELDS)}, and payload.NAME for the caller's own "
            "(dots go deeper; a name may not hold a dot or a quotation mark)."
        )
    return ".".join([root, *(name if _PLAIN_NAME.fullmatch(name) else f'"{name}"' for name in names)])
