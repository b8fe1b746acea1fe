"""What Lamina raises: one class for each of the library's, with the library's own text.

``hint`` is a next step for the person who reads the message, or empty.
"""

__all__ = [
    "CudaError",
    "DeviceError",
    "DownloadError",
    "Error",
    "FormatError",
    "InvalidArgument",
    "IoError",
    "StateDictError",
    "Unsupported",
    "WeightsNotFound",
]


class Error(RuntimeError):
    """The base of all."""

    hint: str = ""


class InvalidArgument(Error, ValueError):
    """Something that can never work: a shape, a dtype, an option."""


class Unsupported(Error):
    """A legal request that this build or this machine cannot serve."""


class IoError(Error, OSError):
    """The operating system refused; the message names the path."""


class WeightsNotFound(IoError):
    """Published weights are not on this machine, and were not to be downloaded."""


class DownloadError(Error, OSError):
    """A file did not come, or is not the one that was published."""


class StateDictError(Error, ValueError):
    """Names, shapes or dtypes of a state dict do not fit the model."""


class FormatError(Error, ValueError):
    """A file's bytes break the rules of its format; ``code`` says which: ``"bad_checksum"``."""

    code: str = ""


class DeviceError(Error):
    """The device is not there, or its memory is not enough."""


class CudaError(DeviceError):
    """A CUDA call failed."""
