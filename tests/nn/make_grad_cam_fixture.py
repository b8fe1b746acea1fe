"""Writes tests/data/nn/grad_cam.json: Grad-CAM of a small network by PyTorch and the grad-cam package.

Needs torch and grad-cam (the committed file was made with 2.15 and 1.5.7):
    python tests/nn/make_grad_cam_fixture.py
The network is that of grad_cam_test.cpp; each kind of layer that has a gradient is in it once.
"""
import json
import pathlib

import numpy as np
import torch
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import nn

torch.manual_seed(3)
CLASS = 2
LAYERS = ["features.0", "features.3", "features.4", "features.6"]


def network():
    features = nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 8, 3, stride=2, padding=1, groups=2), nn.ReLU(), nn.AvgPool2d(2, stride=1))
    classifier = nn.Sequential(nn.Linear(8 * 2 * 2, 10), nn.ReLU(), nn.Dropout(), nn.Linear(10, 4))
    parts = [("features", features), ("avgpool", nn.AdaptiveAvgPool2d(2)), ("flatten", nn.Flatten()),
             ("classifier", classifier)]
    model = nn.Sequential()
    for name, part in parts:
        model.add_module(name, part)
    return model.eval()


def entry(array):
    array = np.asarray(array, dtype=np.float32)
    return {"shape": list(array.shape), "data": [float(x) for x in array.flatten()]}


model = network()
with torch.no_grad():
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        if tensor.is_floating_point():
            tensor.copy_(torch.randn(tensor.shape) * 0.5)
            if name.endswith("running_var"):
                tensor.abs_().add_(0.5)
state = {name: entry(value) for name, value in model.state_dict().items() if value.is_floating_point()}
image = torch.randn(1, 3, 18, 22)
model.double()

maps = {}
for name in LAYERS:
    layer = model.get_submodule(name)
    with GradCAM(model=model, target_layers=[layer]) as cam:
        scaled = cam(input_tensor=image.double(), targets=[ClassifierOutputTarget(CLASS)])[0]
        gradient = cam.activations_and_grads.gradients[0]
        activation = cam.activations_and_grads.activations[0]
    weighted = (gradient.mean(dim=(2, 3), keepdim=True) * activation).sum(dim=1)[0].clamp(min=0)
    maps[name] = {"gradient": entry(gradient), "map": entry(weighted), "scaled": entry(scaled)}

path = pathlib.Path(__file__).resolve().parent.parent / "data" / "nn" / "grad_cam.json"
path.write_text(json.dumps({"torch": torch.__version__, "class": CLASS, "state": state,
                            "image": entry(image), "logits": entry(model(image.double()).detach()),
                            "maps": maps}, separators=(",", ":")) + "\n")
print(f"{path}: {path.stat().st_size} bytes")
