#!/usr/bin/env python3
"""Gradients and maps of all eight VGGs against PyTorch's autograd, and the grad-cam package's maps.

    grad_cam_with_torch.py RUN_GRAD_CAM [MODEL...]

Runs itself again under $LAMINA_TEST_PYTHON, a Python that has PyTorch; exits with 77 (skipped) where
there is none. The judge is autograd in float64; Lamina computes in float32. Errors are relative to
the largest element, and may be 1e-4 in the last block of convolutions. Far from the end, behind
millions of ReLUs and poolings, one or two of them whose inputs are closer than float32 can tell take
another side than in float64, in PyTorch's float32 as in ours, and move the gradient of a patch: there
the whole gradient may be off by 1 % of its length (its Euclidean norm), and so may the map.
Without the grad-cam package (pip install grad-cam) its maps are left out.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

SKIPPED = 77
TOLERANCE = 1e-4
FAR_TOLERANCE = 1e-2
MODELS = [name + suffix for name in ("vgg11", "vgg13", "vgg16", "vgg19") for suffix in ("", "_bn")]
CLASS = 7
SIDE = 224


def make_model(name):
    """Seeded weights, with batch norms that do something, and no layer that overwrites its input."""
    torch.manual_seed(0)
    model = torchvision.models.get_model(name, weights=None).eval()
    for module in model.modules():
        if isinstance(module, torch.nn.ReLU):
            module.inplace = False
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, 0, 0.1)
    return model


def layers_of(model):
    """The default, the last convolution and what lies between, and one far from the end."""
    kinds = [type(module).__name__ for module in model.features]
    last_conv = len(kinds) - 1 - kinds[::-1].index("Conv2d")
    return list(range(last_conv, len(kinds))) + [kinds.index("MaxPool2d") + 1]


def autograd(model, batch, layer):
    activation = model.features[: layer + 1](batch).detach().requires_grad_()
    pooled = model.avgpool(model.features[layer + 1 :](activation))
    model.classifier(torch.flatten(pooled, 1))[0, CLASS].backward()
    gradient = activation.grad
    weighted = gradient.mean(dim=(2, 3), keepdim=True) * activation.detach()
    return gradient.numpy(), weighted.sum(dim=1)[0].clamp(min=0).numpy()


def package_map(model, batch, layer):
    with GradCAM(model=model, target_layers=[model.features[layer]]) as cam:
        return cam(input_tensor=batch, targets=[ClassifierOutputTarget(CLASS)])[0]


def error_of(found, expected):
    if found.shape != expected.shape:
        return float("nan")
    return float(abs(found - expected).max() / max(abs(expected).max(), 1e-30))


def length_error_of(found, expected):
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


def check_model(name, run_grad_cam, folder):
    model = make_model(name)
    torch.save(model.state_dict(), folder / "weights.pth")
    batch = torch.randn(1, 3, SIDE, SIDE)
    np.save(folder / "in.npy", batch.numpy())
    layers = layers_of(model)
    names = [f"features.{layer}" for layer in layers]
    subprocess.run([run_grad_cam, name, folder / "weights.pth", folder / "in.npy", str(CLASS),
                    folder, *names], check=True)
    in_float32 = {layer: autograd(model, batch, layer)[0] for layer in layers}
    judge = model.double()
    for layer, path in zip(layers, names):
        found = {kind: np.load(folder / f"{path}.{kind}.npy") for kind in ("gradient", "map", "scaled")}
        gradient, expected = autograd(judge, batch.double(), layer)
        far = layer == layers[-1]
        error, allowed = (length_error_of, FAR_TOLERANCE) if far else (error_of, TOLERANCE)
        errors = {"gradient": error(found["gradient"], gradient), "map": error(found["map"], expected)}
        if GradCAM:
            errors["package"] = error(found["scaled"], package_map(judge, batch.double(), layer))
        torchs = error(in_float32[layer], gradient)
        good = all(value <= allowed for value in errors.values())  # False for NaN
        print(f"{'ok  ' if good else 'BAD '} {name} {path}:",
              ", ".join(f"{kind} {value:.1e}" for kind, value in errors.items()),
              f"(PyTorch's float32: gradient {torchs:.1e})", flush=True)
        yield good


def main():
    run_grad_cam, *names = sys.argv[1:]
    passed = []
    for name in names or MODELS:
        with tempfile.TemporaryDirectory() as folder:
            passed += check_model(name, run_grad_cam, Path(folder))
    sys.exit(0 if all(passed) else 1)


if __name__ == "__main__":
    python = os.environ.get("LAMINA_TEST_PYTHON")
    if python and "LAMINA_TEST_AGAIN" not in os.environ:
        os.execve(python, [python, *sys.argv], {**os.environ, "LAMINA_TEST_AGAIN": "1"})
    try:
        import numpy as np
        import torch
        import torchvision
    except ImportError as missing:
        print(f"skipped: {missing}; name a Python that has it in LAMINA_TEST_PYTHON")
        sys.exit(SKIPPED)
    try:
        from pytorch_grad_cam import GradCAM
        from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
    except ImportError as missing:
        print(f"note: {missing}; the package's maps are not compared")
        GradCAM = None
    main()
