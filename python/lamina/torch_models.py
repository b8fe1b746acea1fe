"""torchvision's models, taken over in memory. PyTorch itself is never imported here."""

from typing import Any

from . import _core

__all__ = ["from_torch"]


def from_torch(model: Any) -> _core.Model:
    """The Lamina model of a torchvision VGG, or of its state dict, in eval mode.

    float32 weights in the processor's memory are shared, not copied: what PyTorch changes in place
    afterwards changes here too, until a `Session` has packed them. Weights on a GPU, and of other
    dtypes, are copied. DataParallel's ``module.`` comes off.
    """
    state = model.state_dict() if hasattr(model, "state_dict") else model
    return _core.make_model_from({name: _on_cpu(value) for name, value in state.items()})


def _on_cpu(tensor: Any) -> Any:
    return tensor.detach().cpu() if hasattr(tensor, "detach") else tensor
