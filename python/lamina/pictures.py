"""From pictures to what a model eats."""

import os
from typing import Any, Optional

import numpy

from . import _core

__all__ = ["preprocess", "read_image"]


def read_image(image: Any, exif: bool = False) -> _core.Image:
    """A path, the bytes of a file, a PIL image, or a uint8 array [height, width, 3]."""
    if isinstance(image, _core.Image):
        return image
    if isinstance(image, (str, os.PathLike)):
        return _core.load_image(image, exif=exif)
    if isinstance(image, (bytes, bytearray, memoryview)):
        return _core.decode_image(bytes(image), exif=exif)
    if hasattr(image, "convert"):  # PIL's
        image = numpy.asarray(image.convert("RGB"))
    return _core.image_from_array(image)


def preprocess(
    image: Any, transforms: Optional[_core.Transforms] = None, *, exif: bool = False
) -> "numpy.ndarray[Any, numpy.dtype[numpy.float32]]":
    """float32 [3, height, width], bit for bit as torchvision's transforms on PIL's image.

    ``image``: a path, the bytes of a file, a PIL image, or a uint8 array [height, width, 3].
    ``transforms``: those of IMAGENET1K_V1 by default; a model knows its own, ``model.transforms``.
    ``exif`` turns the picture upright first.
    """
    return _core.preprocess_image(read_image(image, exif), transforms or _core.Transforms())
