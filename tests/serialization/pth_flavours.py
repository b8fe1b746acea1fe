"""What make_pth_fixtures.py saves: objects of every flavour that torch.save meets. Values are small
and the same on every machine, so that files of different versions hold equal tensors."""
import argparse
import collections
import datetime
import enum
import pathlib

import numpy as np
import torch
from torch import nn

NEW = not torch.__version__.startswith("1.")


def values(*shape, dtype=torch.float32, start=1):
    """start, start + 1, … in eighths where the dtype has them: the same on every machine."""
    count = torch.Size(shape).numel()
    x = torch.arange(start, start + count, dtype=torch.float64)
    if dtype.is_floating_point:
        x = x / 8
    if dtype == torch.bool:
        x = x % 3 == 0
    return x.to(dtype).reshape(shape)


class Block(nn.Module):
    """A class that no reader knows, with a number and a list beside its layers."""

    def __init__(self, c_in, c_out):
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, 3, padding=1)
        self.norm = nn.BatchNorm2d(c_out)
        self.relu = nn.ReLU(inplace=True)
        self.widths = [c_in, c_out]

    def forward(self, x):
        return self.relu(self.norm(self.conv(x)))


class TinyVgg(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(Block(3, 4), nn.MaxPool2d(2), Block(4, 4), nn.MaxPool2d(2))
        self.avgpool = nn.AdaptiveAvgPool2d((2, 2))
        self.classifier = nn.Sequential(nn.Linear(16, 5), nn.ReLU(True), nn.Dropout(), nn.Linear(5, 2))

    def forward(self, x):
        return self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))


class Attributes(nn.Module):
    """Tensors that state_dict() leaves out: a plain attribute and a buffer that is not persistent."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.register_buffer("kept", values(3))
        self.register_buffer("scratch", values(4), persistent=False)
        self.register_parameter("absent", None)
        self.plain = values(2)


class SharedModules(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(3, 3)
        self.second = self.first
        self.third = nn.Linear(3, 3, bias=False)
        self.third.weight = self.first.weight


class Tagged(torch.Tensor):
    """A tensor subclass with an attribute."""


class Colour(enum.Enum):
    RED = 1


def filled(module):
    with torch.no_grad():
        for i, tensor in enumerate(module.state_dict().values()):
            tensor.copy_(values(*tensor.shape, dtype=tensor.dtype, start=i))
    return module


def checkpoint(**more):
    model = filled(nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    model(values(4, 3)).sum().backward()
    optimizer.step()
    filled(model)
    for i, state in enumerate(optimizer.state.values()):
        for key in ("exp_avg", "exp_avg_sq"):
            state[key] = values(*state[key].shape, start=100 * i)
    return {"epoch": 3, "best": 0.5, **more, "optimizer": optimizer.state_dict()}, model.state_dict()


def flavours():
    """(name, object, what is expected: None for its tensors, a dict of the entry's fields)"""
    dtypes = [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int8, torch.uint8,
              torch.int16, torch.int32, torch.int64, torch.bool]
    yield "dtypes", {str(t)[6:]: values(2, 3, dtype=t) for t in dtypes}
    yield "ranks", {"scalar": values(1).reshape(()), "one": values(1), "eight": values(1, 2, 1, 2, 1, 1, 2, 1)}
    yield "empty_tensors", {"none": torch.empty(0), "rows": torch.empty(0, 3), "middle": torch.empty(2, 0, 4)}
    base = values(6, 4)
    yield "views", {"base": base, "transposed": base.t(), "columns": base[:, 1:3], "steps": base[::2, ::3],
                    "expanded": values(3, 1).expand(3, 4), "row": base[4], "permuted": values(2, 3, 4).permute(2, 0, 1),
                    "channels_last": values(1, 2, 3, 2).to(memory_format=torch.channels_last),
                    "scalar_expanded": values(1).expand(5), "empty_at_end": base[6:]}
    yield "view_alone", {"middle": values(100)[40:44]}
    tied = values(3, 2)
    yield "ties", {"encoder.weight": tied, "decoder.weight": tied, "flat": tied.view(-1), "other": values(3, 2)}
    yield "state_dict", filled(TinyVgg()).state_dict()
    yield "data_parallel_state_dict", filled(nn.DataParallel(Block(2, 2))).state_dict()
    yield "parameters", {"on": nn.Parameter(values(2)), "off": nn.Parameter(values(3), requires_grad=False)}
    yield "requires_grad", {"leaf": values(2).requires_grad_(), "plain": values(2)}
    stateful = nn.Parameter(values(2))
    stateful.tag = "kept beside it"
    yield "parameter_with_state", {"weight": stateful}
    subclass = values(2, 2).as_subclass(Tagged)
    subclass.tag = "kept beside it"
    yield "tensor_subclass", {"weight": subclass}
    yield "tensor_alone", values(2, 2)
    yield "list_of_tensors", [values(2), values(3)]
    yield "tuple_of_tensors", (values(2), {"a": values(3)}, 4)
    yield "no_tensors", {"epoch": 3}
    yield "odd_keys", {0: values(1), 1: values(2), "π": values(3), "with space": values(4),
                       "a.b": values(6)}
    yield "whole_module", filled(TinyVgg())
    yield "whole_data_parallel", nn.DataParallel(filled(Block(2, 2)))
    yield "whole_module_attributes", filled(Attributes())
    yield "whole_module_shared", filled(SharedModules())
    yield "module_in_dict", {"epoch": 1, "net": filled(nn.Linear(2, 2))}
    yield "parameter_list", filled(nn.ParameterDict({"a": nn.Parameter(values(2)), "b": nn.Parameter(values(3))}))
    for key in ("state_dict", "model_state_dict", "model"):
        yield f"checkpoint_{key}", checkpoint()
    model = filled(nn.Linear(2, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    model(values(1, 2)).sum().backward()
    optimizer.step()
    filled(model)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 2)
    yield "checkpoint_whole_optimizer", {"state_dict": model.state_dict(), "optimizer": optimizer}
    yield "checkpoint_whole_scheduler", {"state_dict": model.state_dict(), "scheduler": scheduler}
    # One Python value of each kind that checkpoints hold, alone, so that a refusal names the culprit.
    for name, value in python_values():
        yield f"beside_{name}", {"state_dict": {"w": values(2)}, "value": value}
    long_list = {f"key{i}": {"number": i, "text": f"text {i}", "x": i / 2} for i in range(250)}
    yield "many_objects", {"w": values(2), "log": long_list}
    for name, obj in unsupported():
        yield f"unsupported_{name}", obj


def python_values():
    yield "namespace", argparse.Namespace(lr=0.1, layers=[1, 2], name="run")
    yield "numpy_scalar", [np.float64(0.5), np.float32(1.5), np.int64(7), np.bool_(True)]
    yield "size", torch.Size([2, 3])
    yield "device", torch.device("cuda:1")
    yield "dtype", [torch.float16, torch.int64]
    yield "defaultdict", collections.defaultdict(list, {"a": [1]})
    yield "ordered_dict", collections.OrderedDict([("a", 1), ("b", {})])
    yield "set", {"a", 1}
    yield "frozenset", frozenset({1, 2})
    yield "counter", collections.Counter("hello")
    yield "bytes", [b"", b"bytes \x00\xff", bytearray(b"array")]
    yield "numbers", [0, -1, 255, 65536, -2 ** 31, 2 ** 40, -2 ** 63, 2 ** 200, 1e300, float("inf"), float("nan"), True, None]
    yield "text", ["", "ascii", "π → \U0001f600", "line\nbreak", "x" * 300, "\ud800"]
    yield "nested", [[[[[[]]]]], ((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)), {"a": {"b": {}}}]
    yield "path", pathlib.PurePosixPath("runs/1/model.pth")
    yield "datetime", datetime.datetime(2020, 1, 2, 3, 4, 5)
    yield "timedelta", datetime.timedelta(seconds=5)
    yield "complex", 1 + 2j
    yield "enum", Colour.RED
    yield "range_slice", [range(3), slice(1, 2)]
    yield "function", values
    yield "class", nn.Linear
    yield "generator", torch.Generator().manual_seed(1).get_state()
    recursive = []
    recursive.append(recursive)
    yield "recursive_list", recursive
    recursive = {}
    recursive["self"] = recursive
    yield "recursive_dict", recursive


def unsupported():
    yield "complex64", {"fine": values(2), "z": torch.tensor([1 + 2j])}
    yield "complex128", {"fine": values(2), "z": torch.tensor([1 + 2j], dtype=torch.complex128)}
    yield "sparse_coo", {"fine": values(2), "z": torch.eye(2).to_sparse()}
    yield "sparse_csr", {"fine": values(2), "z": torch.eye(2).to_sparse_csr()}
    yield "meta", {"fine": values(2), "z": torch.empty(2, 2, device="meta")}
    if NEW:
        yield "uint16", {"fine": values(2), "z": values(2, dtype=torch.uint16)}
        yield "uint32", {"fine": values(2), "z": values(2, dtype=torch.uint32)}
        yield "uint64", {"fine": values(2), "z": values(2, dtype=torch.uint64)}
        yield "float8", {"fine": values(2), "z": values(2).to(torch.float8_e4m3fn)}
