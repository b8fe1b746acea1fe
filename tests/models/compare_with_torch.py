#!/usr/bin/env python3
"""torchvision's vgg16 with its own random weights against Lamina, through a safetensors file.

    compare_with_torch.py RUN_MODEL VGG16_INFER

Runs itself again under $LAMINA_TEST_PYTHON, a Python that has PyTorch; exits with 77 (skipped) where
there is none. Logits must agree with PyTorch's in float64 to 1e-5 of the largest.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

SKIPPED = 77
TOLERANCE = 1e-5


def check(what, found, expected):
    error = abs(found - expected).max() / abs(expected).max()
    print(f"{what}: {error:.2e} of the largest logit")
    return found.shape == expected.shape and error <= TOLERANCE  # False for NaN


def compare_tensors(model, weights, run_model, folder):
    for shape in [(3, 3, 32, 32), (1, 3, 225, 301)]:
        batch = torch.randn(shape)
        np.save(folder / "in.npy", batch.numpy())
        subprocess.run([run_model, "vgg16", weights, folder / "in.npy", folder / "out.npy"], check=True)
        yield check(f"tensor {shape}", np.load(folder / "out.npy"), model(batch.double()).numpy())


def compare_image(model, weights, vgg16_infer, folder):
    pixels = np.random.default_rng(0).integers(0, 256, (26, 30, 3), dtype=np.uint8)
    image = Image.fromarray(pixels).resize((300, 260), Image.Resampling.BICUBIC)
    image.save(folder / "image.png")
    batch = torchvision.models.VGG16_Weights.IMAGENET1K_V1.transforms()(image)[None]
    command = [vgg16_infer, "-q", "-w", weights, "--logits-out", folder / "out.npy", folder / "image.png"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return check("image 300x260", np.load(folder / "out.npy"), model(batch.double()).numpy())


def main():
    run_model, vgg16_infer = sys.argv[1:3]
    torch.manual_seed(0)
    model = torchvision.models.vgg16(weights=None).eval()
    with tempfile.TemporaryDirectory() as name, torch.no_grad():
        folder = Path(name)
        weights = folder / "vgg16.safetensors"
        save_file(model.state_dict(), weights)
        model.double()
        passed = list(compare_tensors(model, weights, run_model, folder))
        if Path(vgg16_infer).exists():
            passed.append(compare_image(model, weights, vgg16_infer, folder))
    sys.exit(0 if all(passed) else 1)


if __name__ == "__main__":
    python = os.environ.get("LAMINA_TEST_PYTHON")
    if python and "LAMINA_TEST_AGAIN" not in os.environ:
        os.execve(python, [python, *sys.argv], {**os.environ, "LAMINA_TEST_AGAIN": "1"})
    try:
        import numpy as np
        import torch
        import torchvision
        from PIL import Image
        from safetensors.torch import save_file
    except ImportError as missing:
        print(f"skipped: {missing}; name a Python that has it in LAMINA_TEST_PYTHON")
        sys.exit(SKIPPED)
    main()
