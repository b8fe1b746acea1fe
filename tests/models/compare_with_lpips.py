#!/usr/bin/env python3
"""The package lpips (vgg, 0.1) against Lamina, with one torchvision VGG16's random weights.

    compare_with_lpips.py RUN_LPIPS LAMINA_LPIPS HEADS.lamina

Runs itself again under $LAMINA_TEST_PYTHON, a Python that has PyTorch and lpips; exits with 77
(skipped) where there is none. Distances must agree with the package's own, in float32 as it computes
them, to 1e-5 of each.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

SKIPPED = 77
TOLERANCE = 1e-5
SIZES = [(16, 16), (64, 64), (75, 101), (224, 224)]


def smooth(random, height, width):
    coarse = random.integers(0, 256, (height // 4 + 2, width // 4 + 2, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def pairs(random, height, width):
    """Another picture, JPEG's damage, and noise of 10 levels of 255 at most."""
    one = smooth(random, height, width)
    file = io.BytesIO()
    Image.fromarray(one).save(file, "JPEG", quality=50)
    noise = random.integers(-10, 11, one.shape)
    noisy = np.clip(one.astype(np.int64) + noise, 0, 255).astype(np.uint8)
    return [one] * 3, [smooth(random, height, width), np.asarray(Image.open(file)), noisy]


def stacked(pictures):
    return np.concatenate([lpips.im2tensor(picture).numpy() for picture in pictures])


def check(what, found, expected):
    error = np.abs(found / expected - 1).max()
    print(f"{what}: {error:.2e} of the distance")
    return bool(error <= TOLERANCE)  # False for NaN


def compare_tensors(net, weights, program, folder, a, b):
    np.save(folder / "a.npy", stacked(a))
    np.save(folder / "b.npy", stacked(b))
    files = [folder / name for name in ("a.npy", "b.npy", "out.npy")]
    subprocess.run([program, weights, *files, "2"], check=True, stdin=subprocess.DEVNULL)
    expected = distances(net, a, b, torch.float32)[:, 0]
    return check(f"tensors {a[0].shape[:2]}", np.load(folder / "out.npy")[:, 0], expected)


def compare_files(net, weights, program, folder, a, b):
    Image.fromarray(a).save(folder / "a.png")
    Image.fromarray(b).save(folder / "b.png")
    command = [program, "-q", "-w", weights, folder / "a.png", folder / "b.png"]
    line = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    expected = distances(net, [a], [b], torch.float32)[0, 0]
    return check(f"files {a.shape[:2]}", float(line.split("\t")[0]), expected)


def compare_heads(net, container):
    """Every head of the package stands in the container, bit for bit."""
    data = Path(container).read_bytes()
    heads = [lin.model[1].weight.detach().float().numpy().tobytes() for lin in net.lins]
    same = [head in data for head in heads]
    print(f"heads in the container: {same}")
    return all(same)


def main():
    run_lpips, lamina_lpips, container = sys.argv[1:4]
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    state = torchvision.models.vgg16(weights=None, num_classes=10).state_dict()
    net = network(state)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        weights = folder / "features.pth"
        torch.save({key: value for key, value in state.items() if key.startswith("features.")}, weights)
        passed = [compare_heads(net, container)]
        for height, width in SIZES:
            a, b = pairs(random, height, width)
            passed.append(compare_tensors(net, weights, run_lpips, folder, a, b))
        if Path(lamina_lpips).exists():
            passed.append(compare_files(net, weights, lamina_lpips, folder, a[0], b[1]))
    sys.exit(0 if all(passed) else 1)


if __name__ == "__main__":
    python = os.environ.get("LAMINA_TEST_PYTHON")
    if python and "LAMINA_TEST_AGAIN" not in os.environ:
        os.execve(python, [python, *sys.argv], {**os.environ, "LAMINA_TEST_AGAIN": "1"})
    sys.dont_write_bytecode = True
    try:
        import io
        import warnings

        warnings.filterwarnings("ignore")
        import lpips
        import numpy as np
        import torch
        import torchvision
        from PIL import Image

        from lpips_pairs import distances, network
    except ImportError as missing:
        print(f"skipped: {missing}; name a Python that has it in LAMINA_TEST_PYTHON")
        sys.exit(SKIPPED)
    main()
