#!/usr/bin/env python3
"""Makes tests/data/models/lpips.json with the package lpips 0.1.4, PyTorch and torchvision.

    python tests/models/make_lpips_fixtures.py tests/data/models

Each row is {"height", "width", "change", "distance", "stages"} of picture() and of changed() below,
for VGG16 with formula_state(). Neither weights nor pictures are kept: see make_fixtures.py. The
network runs in float64.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
import torchvision

from lpips_pairs import distances, network
from make_fixtures import formula_state, formula_values

SIZES = [(16, 16), (33, 17), (64, 64), (75, 101)]
# The other picture is another one (0), or has values up to `change` above or below.
CHANGES = [0, 64, 16]


def picture(name, height, width):
    values = formula_values(name, height * width * 3) + 128
    return values.astype(np.uint8).reshape(height, width, 3)


def changed(one, change):
    if change == 0:
        return picture("other", *one.shape[:2])
    step = (formula_values("step", one.size) * change // 128).reshape(one.shape)
    return np.clip(one.astype(np.int64) + step, 0, 255).astype(np.uint8)


def main():
    model = torchvision.models.vgg16(weights=None, init_weights=False, num_classes=10)
    net, rows = network(formula_state(model)), []
    for height, width in SIZES:
        one = picture("one", height, width)
        for change in CHANGES:
            values = distances(net, [one], [changed(one, change)], torch.float64)[0]
            row = {"height": height, "width": width, "change": change}
            rows.append(row | {"distance": values[0], "stages": list(values[1:])})
    text = ",\n".join(json.dumps(row) for row in rows)
    (Path(sys.argv[1]) / "lpips.json").write_text(f"[\n{text}\n]\n")


if __name__ == "__main__":
    main()
