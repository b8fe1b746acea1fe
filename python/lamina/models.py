"""torchvision's eight VGGs, under torchvision's names and with its arguments."""

import os
from functools import partial
from typing import Union

from . import _core

__all__ = [
    "make_model",
    "model_names",
    "vgg11",
    "vgg11_bn",
    "vgg13",
    "vgg13_bn",
    "vgg16",
    "vgg16_bn",
    "vgg19",
    "vgg19_bn",
]

Weights = Union[str, "os.PathLike[str]", None]

model_names = _core.model_names


def make_model(
    name: str,
    weights: Weights = None,
    *,
    progress: bool = True,
    num_classes: int = 1000,
    dropout: float = 0.5,
    init_weights: bool = True,
    download: bool = True,
) -> _core.Model:
    """The model of that name.

    ``weights``: ``None`` for an untrained model in train mode; ``"IMAGENET1K_V1"`` or ``"DEFAULT"``
    for the published weights, downloaded where they are not on this machine; ``"random:SEED"``; or
    the path of a weight file of any kind. With weights the model is in eval mode.

    ``progress`` shows a download in a line on stderr; ``init_weights=False`` leaves the parameters
    zero, for a model whose weights are loaded next; ``download=False`` forbids downloads.
    """
    text = "" if weights is None else os.fspath(weights)
    return _core.make_model(name, text, progress, num_classes, dropout, init_weights, download)


# Each is make_model() with its first argument given.
vgg11 = partial(make_model, "vgg11")
vgg11_bn = partial(make_model, "vgg11_bn")
vgg13 = partial(make_model, "vgg13")
vgg13_bn = partial(make_model, "vgg13_bn")
vgg16 = partial(make_model, "vgg16")
vgg16_bn = partial(make_model, "vgg16_bn")
vgg19 = partial(make_model, "vgg19")
vgg19_bn = partial(make_model, "vgg19_bn")
