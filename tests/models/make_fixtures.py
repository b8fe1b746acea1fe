#!/usr/bin/env python3
"""Makes tests/data/models/*.txt and *.npy with PyTorch and torchvision.

    python tests/models/make_fixtures.py tests/data/models

Files:
    NAME.txt                    print(model) of torchvision's NAME
    NAME_small.npy              f32 [3, 10], logits of NAME with 10 classes for a [3, 3, 32, 32] input
    vgg13_bn_225x301.npy        f32 [1, 10], for [1, 3, 225, 301]
    vgg16_224.npy               f32 [1, 1000], of the full vgg16 for [1, 3, 224, 224]

Weights and inputs are not kept: formula_values() below makes them, and tests/models/formula.h makes
the same bits in C++, since it uses nothing but integers and exact scaling by powers of two.
The networks run in float64, so that the files hold the truth and not one engine's rounding.
"""

import sys
import zlib
from pathlib import Path

import numpy as np
import torch
import torchvision

NAMES = [f"vgg{depth}{bn}" for depth in (11, 13, 16, 19) for bn in ("", "_bn")]


def formula_values(name, count):
    """Integers in [-128, 127] that depend on the name and the index only."""
    index = np.arange(count, dtype=np.uint32)
    x = index * np.uint32(2654435761) + np.uint32(zlib.crc32(name.encode()))
    x ^= x >> np.uint32(15)
    x *= np.uint32(0x2C1B3C6D)
    x ^= x >> np.uint32(12)
    x *= np.uint32(0x297A2D39)
    x ^= x >> np.uint32(15)
    return (x >> np.uint32(24)).astype(np.int64) - 128


def formula_tensor(name, shape, scale, shift=0.0):
    values = formula_values(name, int(np.prod(shape))).astype(np.float32)
    return torch.from_numpy((values * np.float32(scale) + np.float32(shift)).reshape(shape))


def weight_scale(shape):
    """The largest power of two that keeps activations near the size of the input."""
    fan_in = int(np.prod(shape[1:]))
    exponent = 0
    while fan_in > 4 * 4**exponent:
        exponent += 1
    return 2.0 ** (-exponent - 6)  # the values have a standard deviation of 74, about 2^6


def formula_state(model):
    state = model.state_dict()
    for name, tensor in state.items():
        if name.endswith("num_batches_tracked"):
            continue
        if tensor.dim() > 1:
            state[name] = formula_tensor(name, tensor.shape, weight_scale(tensor.shape))
        elif name.endswith(("running_var", "weight")):  # of a BatchNorm: 0.5 to 1.5
            state[name] = formula_tensor(name, tensor.shape, 2.0**-8, 1.0)
        else:
            state[name] = formula_tensor(name, tensor.shape, 2.0**-10)
    return state


def logits(name, shape, num_classes):
    model = torchvision.models.get_model(name, weights=None, init_weights=False, num_classes=num_classes)
    model.load_state_dict(formula_state(model))
    model.eval().double()
    with torch.no_grad():
        return model(formula_tensor("input", shape, 2.0**-6).double()).float().numpy()


def main():
    out = Path(sys.argv[1])
    torch.set_num_threads(2)
    for name in NAMES:
        with torch.device("meta"):
            text = str(torchvision.models.get_model(name))
        (out / f"{name}.txt").write_text(text)
        np.save(out / f"{name}_small.npy", logits(name, (3, 3, 32, 32), 10))
    np.save(out / "vgg13_bn_225x301.npy", logits("vgg13_bn", (1, 3, 225, 301), 10))
    np.save(out / "vgg16_224.npy", logits("vgg16", (1, 3, 224, 224), 1000))


if __name__ == "__main__":
    main()
