#!/usr/bin/env python3
"""Writes tests/data/kernels/pytorch.json: small problems with PyTorch's answers, computed in float64.

The reference kernels are judged by these, and they judge all the others. Needs torch; the file that
is committed was written with 2.15:  python tests/kernels/make_fixtures.py
"""
import json
import pathlib

import torch
import torch.nn.functional as F

TARGET = pathlib.Path(__file__).parents[1] / "data" / "kernels" / "pytorch.json"
generator = torch.Generator().manual_seed(1)


def eighths(*shape):
    """Multiples of 1/8 in [-4, 4]: exact in float32, and short as text."""
    return torch.randint(-32, 33, shape, generator=generator).double() / 8


def flat(tensor):
    return [float(x) for x in tensor.flatten().float()]


def conv2d(n, c_in, h, w, c_out, k, stride=(1, 1), pad=(0, 0), dilation=(1, 1), groups=1, relu=False):
    x, weight, bias = eighths(n, c_in, h, w), eighths(c_out, c_in // groups, *k), eighths(c_out)
    y = F.conv2d(x, weight, bias, stride, pad, dilation, groups)
    return {"n": n, "c_in": c_in, "h": h, "w": w, "c_out": c_out, "kernel": k, "stride": stride,
            "pad": pad, "dilation": dilation, "groups": groups, "relu": relu, "input": flat(x),
            "weight": flat(weight), "bias": flat(bias), "output": flat(y.relu() if relu else y)}


def linear(n, in_features, out_features, relu=False):
    x, weight, bias = eighths(n, in_features), eighths(out_features, in_features), eighths(out_features)
    y = F.linear(x, weight, bias)
    return {"n": n, "in_features": in_features, "out_features": out_features, "relu": relu,
            "input": flat(x), "weight": flat(weight), "bias": flat(bias),
            "output": flat(y.relu() if relu else y)}


def pool(kind, c, h, w, k, stride, pad=(0, 0), dilation=(1, 1), ceil_mode=False,
         count_include_pad=True, divisor_override=None):
    x = eighths(2, c, h, w)
    if kind == "max":
        y = F.max_pool2d(x, k, stride, pad, dilation, ceil_mode)
    else:
        y = F.avg_pool2d(x, k, stride, pad, ceil_mode, count_include_pad, divisor_override)
    return {"kind": kind, "n": 2, "c": c, "h": h, "w": w, "kernel": k, "stride": stride, "pad": pad,
            "dilation": dilation, "ceil_mode": ceil_mode, "count_include_pad": count_include_pad,
            "divisor_override": divisor_override or 0, "oh": y.shape[2], "ow": y.shape[3],
            "input": flat(x), "output": flat(y)}


def adaptive(h, w, oh, ow):
    x = eighths(2, 3, h, w)
    return {"n": 2, "c": 3, "h": h, "w": w, "oh": oh, "ow": ow, "input": flat(x),
            "output": flat(F.adaptive_avg_pool2d(x, (oh, ow)))}


def batch_norm(n, c, h, w, affine):
    x, mean, var = eighths(n, c, h, w), eighths(c), eighths(c).abs() + 0.125
    weight, bias = (eighths(c), eighths(c)) if affine else (None, None)
    y = F.batch_norm(x, mean, var, weight, bias, eps=1e-5)
    return {"n": n, "c": c, "spatial": h * w, "input": flat(x), "mean": flat(mean), "var": flat(var),
            "weight": flat(weight) if affine else [], "bias": flat(bias) if affine else [],
            "output": flat(y)}


def softmax(outer, c, inner):
    x = eighths(outer, c, inner) * 4
    return {"outer": outer, "c": c, "inner": inner, "input": flat(x), "output": flat(x.softmax(1))}


def topk(rows, c, k):
    x = torch.stack([torch.randperm(c, generator=generator) for _ in range(rows)]).double() / 8
    values, indices = x.topk(k)
    return {"rows": rows, "c": c, "k": k, "input": flat(x), "values": flat(values),
            "indices": indices.flatten().tolist()}


def main():
    cases = {
        "conv2d": [
            conv2d(1, 3, 6, 5, 4, (3, 3), pad=(1, 1), relu=True),
            conv2d(2, 2, 5, 5, 3, (1, 1)),
            conv2d(1, 2, 7, 9, 3, (3, 2), stride=(2, 3), pad=(1, 0), dilation=(2, 1)),
            conv2d(1, 2, 4, 4, 2, (2, 5), pad=(2, 4), dilation=(1, 2)),
            conv2d(2, 4, 5, 4, 6, (3, 3), pad=(1, 1), groups=2),
            conv2d(1, 3, 5, 5, 6, (3, 3), stride=(2, 2), groups=3),
        ],
        "linear": [linear(1, 7, 5), linear(3, 18, 4, relu=True)],
        "pool2d": [
            pool("max", 3, 6, 8, (2, 2), (2, 2)),
            pool("max", 2, 7, 7, (3, 3), (2, 2), pad=(1, 1)),
            pool("max", 2, 7, 6, (3, 2), (2, 2), pad=(1, 0), ceil_mode=True),
            pool("max", 2, 9, 8, (2, 3), (1, 2), pad=(1, 1), dilation=(3, 2)),
            pool("avg", 3, 6, 8, (2, 2), (2, 2)),
            pool("avg", 2, 7, 7, (3, 3), (2, 2), pad=(1, 1)),
            pool("avg", 2, 7, 7, (3, 3), (2, 2), pad=(1, 1), count_include_pad=False),
            pool("avg", 2, 8, 7, (3, 2), (3, 2), pad=(1, 1), ceil_mode=True),
            pool("avg", 2, 6, 6, (3, 3), (2, 2), divisor_override=5),
        ],
        "adaptive_avg_pool2d": [adaptive(7, 7, 7, 7), adaptive(10, 9, 3, 4), adaptive(3, 5, 7, 2),
                                adaptive(6, 6, 1, 1)],
        "batch_norm": [batch_norm(2, 3, 2, 3, True), batch_norm(1, 4, 1, 1, False)],
        "softmax": [softmax(2, 7, 1), softmax(2, 3, 4)],
        "topk": [topk(3, 11, 4), topk(1, 5, 5)],
    }
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    lines = [f'"{op}": [\n' + ",\n".join(json.dumps(c, separators=(",", ":")) for c in rows) + "\n]"
             for op, rows in cases.items()]
    TARGET.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
