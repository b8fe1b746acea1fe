"""Writes tests/data/kernels/gradients.json: gradients by PyTorch's autograd, in float64.

Needs torch; the file that is committed was written with 2.15:
    python tests/kernels/make_gradient_fixtures.py
"""
import json
import pathlib

import torch
import torch.nn.functional as F

TARGET = pathlib.Path(__file__).parents[1] / "data" / "kernels" / "gradients.json"
generator = torch.Generator().manual_seed(1)


def eighths(*shape):
    """Multiples of 1/8 in [-4, 4]: exact in float32, and short as text. Equal ones are common."""
    return torch.randint(-32, 33, shape, generator=generator).double() / 8


def flat(tensor):
    return [float(x) for x in tensor.flatten().float()]


def case(op, shape, run, weights=(), **arguments):
    x = eighths(*shape).requires_grad_()
    values = {name: eighths(*size) for name, size in dict(weights).items()}
    if "var" in values:
        values["var"] = values["var"].abs() + 0.5
    y = run(x, **values)
    dy = eighths(*y.shape)
    y.backward(dy)
    return {"op": op, "shape": shape, "input": flat(x.detach()), "dy": flat(dy), "dx": flat(x.grad),
            **{name: flat(value) for name, value in values.items()}, **arguments}


def conv2d(shape, c_out, k, stride=(1, 1), pad=(0, 0), dilation=(1, 1), groups=1):
    return case("conv2d", shape,
                lambda x, weight: F.conv2d(x, weight, None, stride, pad, dilation, groups),
                {"weight": (c_out, shape[1] // groups, *k)}, c_out=c_out, kernel=k, stride=stride,
                pad=pad, dilation=dilation, groups=groups)


def max_pool2d(shape, k, stride, pad=(0, 0), dilation=(1, 1), ceil=False):
    return case("max_pool2d", shape, lambda x: F.max_pool2d(x, k, stride, pad, dilation, ceil), kernel=k,
                stride=stride, pad=pad, dilation=dilation, ceil=ceil)


def avg_pool2d(shape, k, stride, pad=(0, 0), ceil=False, include_pad=True, divisor=None):
    return case("avg_pool2d", shape,
                lambda x: F.avg_pool2d(x, k, stride, pad, ceil, include_pad, divisor), kernel=k,
                stride=stride, pad=pad, dilation=(1, 1), ceil=ceil, include_pad=include_pad,
                divisor=divisor or 0)


CASES = [
    case("linear", (2, 5), F.linear, {"weight": (7, 5)}),
    case("relu", (3, 20), F.relu),
    case("batch_norm", (2, 3, 2, 3),
         lambda x, mean, var, weight, bias: F.batch_norm(x, mean, var, weight, bias, eps=0.001),
         {name: (3,) for name in ("mean", "var", "weight", "bias")}),
    max_pool2d((2, 2, 6, 7), (2, 2), (2, 2)),
    max_pool2d((1, 2, 7, 8), (3, 2), (1, 2), pad=(1, 1), ceil=True),
    max_pool2d((1, 2, 8, 9), (2, 3), (2, 1), dilation=(3, 2)),
    avg_pool2d((2, 2, 6, 5), (2, 2), (2, 2)),
    avg_pool2d((1, 2, 7, 8), (3, 2), (2, 1), pad=(1, 1), ceil=True, include_pad=False),
    avg_pool2d((1, 2, 7, 8), (3, 3), (2, 2), pad=(1, 1), ceil=True),
    avg_pool2d((1, 1, 4, 4), (2, 2), (1, 1), divisor=3),
    case("adaptive_avg_pool2d", (2, 2, 7, 7), lambda x: F.adaptive_avg_pool2d(x, (7, 7)), out=(7, 7)),
    case("adaptive_avg_pool2d", (1, 2, 14, 10), lambda x: F.adaptive_avg_pool2d(x, (7, 4)), out=(7, 4)),
    case("adaptive_avg_pool2d", (1, 2, 2, 3), lambda x: F.adaptive_avg_pool2d(x, (7, 2)), out=(7, 2)),
    conv2d((2, 3, 5, 6), 4, (3, 3), pad=(1, 1)),
    conv2d((1, 2, 4, 5), 3, (1, 1)),
    conv2d((1, 2, 7, 9), 3, (3, 2), pad=(2, 0), dilation=(2, 3)),
    conv2d((1, 2, 5, 5), 3, (1, 1), pad=(2, 1)),
    conv2d((1, 4, 7, 8), 6, (3, 2), stride=(2, 1), pad=(1, 0), dilation=(1, 2), groups=2),
]
TARGET.write_text(json.dumps({"torch": torch.__version__, "cases": CASES}, separators=(",", ":")) + "\n")
print(f"{TARGET}: {TARGET.stat().st_size} bytes")
