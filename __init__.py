"""anybind: one space for images, text, audio and depth, where anything finds anything.

>>> import anybind
>>> with anybind.Client("localhost:7860") as client:
...     dog, bark = client.embed([anybind.text("a dog"), anybind.audio("bark.wav")])
...     print(dog @ bark)

Nothing is imported before it is used.
"""

import importlib
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

# ruff: noqa: F401 - these are for type checkers; at run time `__getattr__` finds the same names
if TYPE_CHECKING:
    from .clients.answers import Clip, Embedding, Hit, Point, Timings
    from .clients.async_client import AsyncClient
    from .clients.client import Client
    from .clients.connection import Tls
    from .clients.errors import (
        AnybindError,
        CallError,
        DeadlineExceeded,
        InvalidRequest,
        ItemError,
        NoIndex,
        NotAllowed,
        NotFound,
        Overloaded,
        ServerFault,
        Unavailable,
        WrongSpace,
    )
    from .clients.items import Item, audio, depth, image, item, text
    from .clients.requests import point

_HOMES = {
    "answers": ("Clip", "Embedding", "Hit", "Point", "Timings"),
    "async_client": ("AsyncClient",),
    "client": ("Client",),
    "connection": ("Tls",),
    "errors": (
        "AnybindError",
        "CallError",
        "DeadlineExceeded",
        "InvalidRequest",
        "ItemError",
        "NoIndex",
        "NotAllowed",
        "NotFound",
        "Overloaded",
        "ServerFault",
        "Unavailable",
        "WrongSpace",
    ),
    "items": ("Item", "audio", "depth", "image", "item", "text"),
    "requests": ("point",),
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names}

__version__ = version("anybind")
__all__ = ["__version__", *_MODULE_OF]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'anybind' has no attribute {name!r}")
    return getattr(importlib.import_module(f".clients.{_MODULE_OF[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)
