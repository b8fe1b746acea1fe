"""Lamina: VGG-family networks with PyTorch's weights, without PyTorch.

    import lamina

    model = lamina.models.vgg16(weights="IMAGENET1K_V1")
    session = lamina.Session(model)
    session.classify(["cat.jpg"])

docs/python.md in the repository goes through it line by line.
"""

from . import models
from ._core import (
    Image,
    Model,
    Transforms,
    available_threads,
    load,
    load_image,
    load_model,
    save_any,
    top_classes,
)
from ._core import version as _version
from .errors import (
    CudaError,
    DeviceError,
    DownloadError,
    Error,
    FormatError,
    InvalidArgument,
    IoError,
    StateDictError,
    Unsupported,
    WeightsNotFound,
)
from .files import Checkpoint, load_checkpoint, save
from .pictures import preprocess
from .session import Session
from .torch_models import from_torch

__version__ = _version()

__all__ = [
    "Checkpoint",
    "CudaError",
    "DeviceError",
    "DownloadError",
    "Error",
    "FormatError",
    "Image",
    "InvalidArgument",
    "IoError",
    "Model",
    "Session",
    "StateDictError",
    "Transforms",
    "Unsupported",
    "WeightsNotFound",
    "available_threads",
    "from_torch",
    "load",
    "load_checkpoint",
    "load_image",
    "load_model",
    "models",
    "preprocess",
    "save",
    "save_any",
    "top_classes",
]
