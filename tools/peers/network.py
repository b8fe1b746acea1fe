"""VGG as a list of layers with weights, from a .safetensors file: what each engine is built from."""

import json
import struct
from dataclasses import dataclass

import numpy as np

# Convolutions' channels by stage; a 2x2 max pool ends each stage.
STAGES = {
    "vgg11": [[64], [128], [256, 256], [512, 512], [512, 512]],
    "vgg13": [[64, 64], [128, 128], [256, 256], [512, 512], [512, 512]],
    "vgg16": [[64, 64], [128, 128], [256] * 3, [512] * 3, [512] * 3],
    "vgg19": [[64, 64], [128, 128], [256] * 4, [512] * 4, [512] * 4],
}
SIZE = 224  # at which the adaptive pooling in front of the classifier changes nothing


@dataclass
class Layer:
    kind: str  # conv (3x3, padding 1, ReLU), pool (2x2 maximum), linear
    name: str = ""
    weight: np.ndarray | None = None
    bias: np.ndarray | None = None
    relu: bool = True


def read_safetensors(path):
    """Every float32 tensor of a file, as views of a mapping."""
    with open(path, "rb") as file:
        (header_bytes,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(header_bytes))
    data = np.memmap(path, np.uint8, "r", offset=8 + header_bytes)
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        if entry["dtype"] != "F32":
            raise ValueError(f"{name} is {entry['dtype']}, not F32")
        begin, end = entry["data_offsets"]
        tensors[name] = data[begin:end].view(np.float32).reshape(entry["shape"])
    return tensors


def vgg(arch, weights):
    """The layers of `arch` with the tensors of `weights`, named as torchvision names them."""
    layers, index = [], 0
    for stage in STAGES[arch]:
        for _ in stage:
            name = f"features.{index}"
            layers.append(Layer("conv", name, weights[f"{name}.weight"], weights[f"{name}.bias"]))
            index += 2  # the ReLU counts
        layers.append(Layer("pool", f"features.{index}"))
        index += 1
    for index, relu in ((0, True), (3, True), (6, False)):
        name = f"classifier.{index}"
        weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
        layers.append(Layer("linear", name, weight, bias, relu))
    return layers


def macs(layers):
    """Multiply-accumulates for an image of SIZE."""
    total, size = 0, SIZE
    for layer in layers:
        if layer.kind == "pool":
            size //= 2
        else:
            total += layer.weight.size * (size * size if layer.kind == "conv" else 1)
    return total
