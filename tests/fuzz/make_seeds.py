#!/usr/bin/env python3
"""make_seeds.py FOLDER: writes FOLDER/TARGET/…, the inputs that each fuzz target starts from: the
fixtures of tests/data, taken apart where a target wants only a part, and a few written here."""
import json
import pathlib
import shutil
import struct
import sys
import zipfile

TESTS = pathlib.Path(__file__).parents[1]
DATA = TESTS / "data"
LARGEST = 1 << 16  # a seed that is larger slows the fuzzer down and shows nothing more


def compact(value):
    return json.dumps(value, separators=(",", ":")).encode()


LAYERS = {"type": "Sequential", "children": [
    {"name": "0", "type": "Conv2d", "args": {"in_channels": 1, "out_channels": 2, "kernel_size": 1, "stride": [1, 2],
                                             "padding": 1, "dilation": 1, "groups": 1, "bias": True}},
    {"name": "1", "type": "BatchNorm2d", "args": {"num_features": 2, "eps": 1e-5, "momentum": None, "affine": True}},
    {"name": "2", "type": "ReLU", "args": {"inplace": True}},
    {"name": "3", "type": "MaxPool2d", "args": {"kernel_size": 2, "stride": 2, "padding": 0, "ceil_mode": False}},
    {"name": "4", "type": "AvgPool2d", "args": {"kernel_size": [1, 1], "divisor_override": 2}},
    {"name": "5", "type": "AdaptiveAvgPool2d", "args": {"output_size": [1, None]}},
    {"name": "6", "type": "Flatten", "args": {"start_dim": 1, "end_dim": -1}},
    {"name": "7", "type": "Linear", "args": {"in_features": 2, "out_features": 2, "bias": False}},
    {"name": "8", "type": "Dropout", "args": {"p": 0.5}}, {"name": "9", "type": "Softmax", "args": {"dim": 1}},
    {"name": "10", "type": "Identity"}, {"name": "11", "type": "Sequential", "children": []}]}
INFO = {"name": "tiny", "source": "random:0", "labels": ["π", "b"], "metrics": {"acc@1": 71.5},
        "transforms": {"resize": 256, "crop": 224, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}}


def model_json():
    yield "layers", compact(LAYERS) + b"\0" + compact(INFO)
    vgg = {"type": "VGG", "children": [{"name": name, "type": "Sequential"} for name in ("features", "avgpool", "classifier")]}
    yield "vgg", compact(vgg) + b"\0{}"


def container_of(manifest, data):
    text = compact(manifest)
    return b"\x89LAMINA\n" + struct.pack("<HHIQQ", 1, 0, 0, len(text), 0) + text + data


def container():
    """The targets put the header's checksum right."""
    names = {"0.weight": [2, 1, 1, 1], "0.bias": [2], "1.weight": [2], "1.bias": [2], "1.running_mean": [2],
             "1.running_var": [2], "1.num_batches_tracked": [], "7.weight": [2, 2]}
    first, tensors = 4096 + 64, []  # a filler gives the manifest a length that fits its offsets
    at = first
    for name, shape in names.items():
        size = 4 * (4 if len(shape) == 2 else 2) if shape else 8
        tensors.append({"name": name, "dtype": "f32" if shape else "i64", "shape": shape, "offset": at, "nbytes": size,
                        "checksum": "0" * 16})
        at += 64
    tensors.append({"name": "tied", "alias_of": "0.bias"})
    manifest = {"format": "lamina", "created_by": "seed", "model": LAYERS, "weights": INFO, "metadata": {"a": "b"},
                "checkpoint": {"filler": ""}, "tensors": tensors}
    manifest["checkpoint"]["filler"] = "x" * (first - 32 - len(compact(manifest)))
    yield "model", container_of(manifest, bytes(at - 64 + size - first))
    yield "empty", container_of({"format": "lamina", "tensors": []}, b"")
    manifest = {"format": "lamina", "tensors": [{"name": "a", "dtype": "u8", "shape": [3], "offset": 192, "nbytes": 3, "checksum": "0" * 16}]}
    yield "small", container_of(manifest, bytes(192 - 32 - len(compact(manifest)) + 3))


def safetensors_of(header, data):
    text = header if isinstance(header, bytes) else compact(header)
    return struct.pack("<Q", len(text)) + text + data


def safetensors():
    header, at = {"__metadata__": {"format": "pt", "π": "\\\""}}, 0
    for dtype, size in (("F64", 8), ("I64", 8), ("F32", 4), ("I32", 4), ("F16", 2), ("BF16", 2), ("I16", 2), ("I8", 1), ("U8", 1), ("BOOL", 1)):
        header[f"w.{dtype}"] = {"dtype": dtype, "shape": [2, 1], "data_offsets": [at, at + 2 * size]}
        at += 2 * size
    yield "dtypes", safetensors_of(header, bytes(range(at)))
    yield "none", safetensors_of({}, b"")
    yield "empty", safetensors_of({"a": {"dtype": "F32", "shape": [0, 3], "data_offsets": [0, 0]},
                                   "b": {"dtype": "U8", "shape": [], "data_offsets": [0, 1]}}, b"\1")
    yield "escapes", safetensors_of(b'{"\\u0061\\n\\ud83d\\ude00":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}   ', b"\1")


def npy():
    def array(descr, order, shape, data, version=1):
        text = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}".encode()
        return b"\x93NUMPY" + bytes([version, 0]) + len(text).to_bytes(2 if version == 1 else 4, "little") + text + data

    for i, (descr, size) in enumerate((("<f4", 4), ("<f8", 8), ("<f2", 2), ("|i1", 1), ("|u1", 1), (">i2", 2), (">i4", 4), ("<i8", 8), ("|b1", 1))):
        yield f"dtype{i}", array(f"'{descr}'", i % 2 == 1, "(2, 3)", bytes(range(6 * size)), 1 + i % 3)
    yield "scalar", array("'<f4'", False, "()", bytes(4))
    yield "vector", array("'<f4'", False, "(3L,)", bytes(12))
    yield "empty", array("'<f4'", True, "(0, 5)", b"")
    yield "structured", array("[('a', '<f4')]", False, "(1,)", bytes(4))
    yield "objects", array("'|O'", False, "(1,)", b"\x80\x02N.")


def pickles():
    """Pickles by themselves: those within the fixtures, and the hostile ones."""
    for folder in sorted(DATA.glob("pth/torch-*")):
        for path in sorted(folder.glob("*.zip.pth")) + sorted(folder.glob("*.pt")):
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    if name.endswith("data.pkl"):
                        yield f"{folder.name}-{path.name}", archive.read(name)
        for path in sorted(folder.glob("*.pkl")):
            yield f"{folder.name}-{path.name}", path.read_bytes()
    for i, entry in enumerate(json.loads((DATA / "pickles" / "hostile.json").read_text())):
        if "file" not in entry["in"]:
            yield f"hostile{i}", bytes.fromhex(entry["hex"])


def pth():
    yield from files("pth/torch-2.15", "pth/torch-1.13", "pth/old")
    for i, entry in enumerate(json.loads((DATA / "pickles" / "hostile.json").read_text())):
        if "file" in entry["in"]:
            yield f"hostile{i}", bytes.fromhex(entry["hex"])


def files(*folders):
    for folder in folders:
        for path in sorted((DATA / folder).iterdir()):
            if path.suffix not in (".json", ".md", ".txt", ".rgb"):
                yield f"{folder.replace('/', '-')}-{path.name}", path.read_bytes()


SEEDS = {"container": [container(), files("serialization")], "image": [files("vision")], "model_json": [model_json()],
         "npy": [npy()], "npz": [files("pth/expected")], "pickle": [pickles()], "pth": [pth()], "safetensors": [safetensors()],
         "zip": [files("pth/expected"), files("pth/torch-2.15")]}


def main(folder):
    for target, sources in SEEDS.items():
        shutil.rmtree(folder / target, ignore_errors=True)
        (folder / target).mkdir(parents=True)
        for source in sources:
            for name, data in source:
                if len(data) <= LARGEST:
                    (folder / target / name).write_bytes(data)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
