"""anybind: one space for images, text, audio and depth, where anything finds anything.

>>> import anybind
>>> with anybind.Client("localhost:7860") as client:
...     (dog,) = client.embed([anybind.text("a dog")])
"""

from importlib.metadata import version

__version__ = version("anybind")
__all__ = ["__version__"]
