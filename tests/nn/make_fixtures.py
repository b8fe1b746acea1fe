"""Writes tests/data/nn/layers.json: what PyTorch prints and computes for one layer of each kind.

Run with a Python that has PyTorch (the committed file was made with 2.15.0):
    python tests/nn/make_fixtures.py
Inputs and weights are small multiples of 1/8, so that sums are exact or nearly so.
"""
import json
import pathlib

import torch
from torch import nn

torch.manual_seed(0)


def eighths(*shape):
    return torch.randint(-16, 17, shape).float() / 8


def entry(name, module, x, train=False):
    with torch.no_grad():
        for tensor in list(module.parameters()) + list(module.buffers()):
            if tensor.is_floating_point():
                tensor.copy_(eighths(*tensor.shape))
        for key, buffer in module.named_buffers():
            if key.endswith("running_var"):
                buffer.abs_().add_(0.5)
        module.train(train)
        y = module(x)
    state = {k: {"shape": list(v.shape), "data": v.flatten().tolist()}
             for k, v in module.state_dict().items()}
    return {"name": name, "repr": repr(module), "train": train, "state": state,
            "input": {"shape": list(x.shape), "data": x.flatten().tolist()},
            "output": {"shape": list(y.shape), "data": y.flatten().tolist()}}


LAYERS = [
    ("conv2d", nn.Conv2d(3, 4, 3, padding=1), eighths(2, 3, 5, 6)),
    ("conv2d_strided", nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 2),
                                 groups=2, bias=False), eighths(1, 4, 7, 8)),
    ("linear", nn.Linear(5, 3), eighths(4, 5)),
    ("linear_no_bias", nn.Linear(5, 3, bias=False), eighths(2, 3, 5)),
    ("max_pool2d", nn.MaxPool2d(2), eighths(1, 2, 5, 6)),
    ("max_pool2d_ceil", nn.MaxPool2d((3, 2), stride=2, padding=1, ceil_mode=True),
     eighths(1, 2, 6, 6)),
    ("max_pool2d_dilated", nn.MaxPool2d(2, stride=1, dilation=2), eighths(1, 1, 5, 5)),
    ("avg_pool2d", nn.AvgPool2d(3, stride=2, padding=1), eighths(1, 2, 6, 5)),
    ("avg_pool2d_exclude", nn.AvgPool2d((2, 3), stride=2, padding=(1, 1), ceil_mode=True,
                                        count_include_pad=False), eighths(1, 2, 6, 5)),
    ("avg_pool2d_divisor", nn.AvgPool2d(2, divisor_override=3), eighths(1, 1, 4, 4)),
    ("adaptive_avg_pool2d", nn.AdaptiveAvgPool2d((7, 7)), eighths(1, 2, 3, 10)),
    ("adaptive_avg_pool2d_none", nn.AdaptiveAvgPool2d((None, 2)), eighths(1, 2, 3, 5)),
    ("adaptive_avg_pool2d_scalar", nn.AdaptiveAvgPool2d(1), eighths(2, 2, 3, 5)),
    ("batch_norm2d", nn.BatchNorm2d(3), eighths(2, 3, 2, 2)),
    ("batch_norm2d_plain", nn.BatchNorm2d(3, eps=0.001, momentum=None, affine=False),
     eighths(2, 3, 2, 2)),
    ("batch_norm2d_untracked", nn.BatchNorm2d(2, track_running_stats=False), eighths(2, 2, 2, 3)),
    ("batch_norm1d", nn.BatchNorm1d(4), eighths(3, 4)),
    ("batch_norm1d_length", nn.BatchNorm1d(4), eighths(3, 4, 2)),
    ("relu", nn.ReLU(), eighths(3, 4)),
    ("relu_inplace", nn.ReLU(inplace=True), eighths(3, 4)),
    ("softmax", nn.Softmax(dim=1), eighths(2, 5)),
    ("softmax_middle", nn.Softmax(dim=-2), eighths(2, 3, 4)),
    ("softmax_implicit", nn.Softmax(), eighths(2, 3, 4)),
    ("dropout_eval", nn.Dropout(0.25), eighths(3, 4)),
    ("flatten", nn.Flatten(), eighths(2, 3, 4)),
    ("flatten_middle", nn.Flatten(1, 2), eighths(2, 3, 4, 2)),
    ("identity", nn.Identity(), eighths(2, 3)),
    ("sequential_empty", nn.Sequential(), eighths(2, 3)),
    ("sequential_nested",
     nn.Sequential(nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2), nn.ReLU()),
                   nn.Sequential(), nn.Flatten(), nn.Linear(8, 2)), eighths(1, 1, 2, 2)),
]

entries = [entry(name, module, x) for name, module, x in LAYERS]
entries.append(entry("batch_norm2d_train", nn.BatchNorm2d(2), eighths(2, 2, 2, 3), train=True))
path = pathlib.Path(__file__).resolve().parent.parent / "data" / "nn" / "layers.json"
path.write_text(json.dumps({"torch": torch.__version__, "layers": entries}, indent=None,
                           separators=(",", ":")) + "\n")
print(f"{path}: {path.stat().st_size} bytes")
