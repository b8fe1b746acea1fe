"""Weights, models and checkpoints in files."""

import json
import os
from dataclasses import dataclass, field
from typing import Any, Mapping, Union

from . import _core

__all__ = ["Checkpoint", "load_checkpoint", "save"]

Path = Union[str, "os.PathLike[str]"]


@dataclass
class Checkpoint:
    """A state dict, and beside it whatever JSON can say: the epoch, the loss."""

    state: Mapping[str, Any]
    data: Any = field(default=None)


def save(
    what: Union[_core.Model, Checkpoint, Mapping[str, Any]], path: Path, *, overwrite: bool = True
) -> None:
    """Writes a ``.lamina`` file, under whatever name: a model with its structure, a checkpoint, or
    the arrays of a state dict. The file appears whole, or not at all.
    """
    if isinstance(what, _core.Model):
        _core.save_model(what, path, overwrite)
    elif isinstance(what, Checkpoint):
        _core.save_checkpoint(dict(what.state), json.dumps(what.data), path, overwrite)
    elif isinstance(what, Mapping):
        _core.save_tensors(dict(what), path, overwrite)
    else:
        raise TypeError(f"save() takes a Model, a Checkpoint or a state dict, not {type(what)}")


def load_checkpoint(path: Path) -> Checkpoint:
    """Reads one; the arrays are views of the mapped file."""
    state, data = _core.load_checkpoint(path)
    return Checkpoint(state, json.loads(data))
