"""torch_peer.py FOLDER: reads ours.pth, which peers_test.cpp wrote, with PyTorch.

Exit status 77: PyTorch is missing.
"""
import pathlib
import sys

try:
    import torch
except ImportError as error:
    print(error)
    sys.exit(77)


def tensors():
    """What peers_test.cpp calls the sample, element by element."""
    return {
        "f32": (torch.arange(6, dtype=torch.float32) / 2 - 1).reshape(2, 3),
        "f64": torch.arange(3, dtype=torch.float64) / 3,
        "f16": torch.tensor([1, -2, 0.5], dtype=torch.float16),
        "bf16": torch.tensor([1, -2, 0.5], dtype=torch.bfloat16),
        "i64": torch.tensor([[2**40], [-5]]),
        "i32": torch.tensor([7], dtype=torch.int32),
        "i16": torch.tensor([-300, 300], dtype=torch.int16),
        "i8": torch.tensor([-128, 127], dtype=torch.int8),
        "u8": torch.tensor([0, 255], dtype=torch.uint8),
        "bool": torch.tensor([True, False, True]),
        "scalar": torch.tensor(3.5),
        "empty": torch.zeros(0, 4),
        "tied": (torch.arange(6, dtype=torch.float32) / 2 - 1).reshape(2, 3),
        "transposed": (torch.arange(6, dtype=torch.float32) / 2 - 1).reshape(2, 3).t(),
    }


def check(ours):
    theirs = tensors()
    assert type(ours).__name__ == "OrderedDict", type(ours)
    assert set(ours) == set(theirs), (list(ours), list(theirs))
    for name, tensor in theirs.items():
        assert ours[name].dtype == tensor.dtype and ours[name].shape == tensor.shape, name
        assert torch.equal(ours[name], tensor), name
        assert ours[name].is_contiguous() and not ours[name].requires_grad, name
    assert ours["f32"].data_ptr() == ours["tied"].data_ptr()
    ours["f32"][0, 0] = 8
    assert ours["tied"][0, 0] == 8


path = pathlib.Path(sys.argv[1]) / "ours.pth"
check(torch.load(path, weights_only=True))
check(torch.load(path, weights_only=False))
if torch.__version__ >= "2.1":
    check(torch.load(path, weights_only=True, mmap=True))
