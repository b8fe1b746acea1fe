"""Writes tests/data/pth: files by real PyTorch of each flavour, and what PyTorch reads in them.

Run once with each PyTorch whose files are to be there, the newest first; the committed ones are of
2.15.0 (NumPy 2.4.6) and of 1.13.0 (NumPy 1.24.2):
    python tests/serialization/make_pth_fixtures.py
tests/data/pth/README.md says what the folder holds. The kinds that no PyTorch writes any more (the
tar of 2016, `_rebuild_tensor`, strings of Python 2) are in make_old_pth_fixtures.py.
"""
import io
import json
import pathlib
import pickle
import warnings
import zipfile

import numpy as np
import torch
from torch import nn

from pth_flavours import NEW, Block, filled, flavours, values

OUT = pathlib.Path(__file__).parents[1] / "data" / "pth"
VERSION = ".".join(torch.__version__.split(".")[:2])
FOLDER = OUT / f"torch-{VERSION}"
entries = []


# --- what PyTorch reads -------------------------------------------------------------------------


def to_numpy(name, tensor):
    """bfloat16 is kept as int16 under `bfloat16:NAME`: NumPy has no such type."""
    tensor = tensor.detach().resolve_conj().contiguous()
    if tensor.dtype == torch.bfloat16:
        return f"bfloat16:{name}", tensor.view(torch.int16).numpy()
    return name, tensor.numpy()


def walk(obj, prefix=""):
    """Yields (dotted name, array) of every tensor, as the reader is to name it."""
    if isinstance(obj, torch.Tensor):
        yield to_numpy(prefix or "__root__", obj)
    elif isinstance(obj, np.ndarray):
        yield prefix or "__root__", obj
    elif isinstance(obj, (nn.Module, torch.jit.ScriptModule)):
        yield from walk(dict(obj.state_dict()), prefix)
    elif isinstance(obj, dict):
        for key, value in obj.items():
            key = key.decode() if isinstance(key, bytes) else str(key)
            yield from walk(value, f"{prefix}.{key}" if prefix else key)
    elif isinstance(obj, (list, tuple)):
        for i, value in enumerate(obj):
            yield from walk(value, f"{prefix}.{i}" if prefix else str(i))


def expect(name, obj):
    """Writes expected/NAME.npz, or checks that the one there says the same."""
    arrays = dict(walk(obj))
    path = OUT / "expected" / f"{name}.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        with np.load(path) as there:
            assert list(there) == list(arrays), (name, list(there), list(arrays))
            for key, array in arrays.items():
                assert there[key].dtype == array.dtype and np.array_equal(there[key], array), (name, key)
    else:
        np.savez_compressed(path, **arrays)
    return f"expected/{name}.npz"


def enter(path, kind, **what):
    entries.append({"file": str(path.relative_to(OUT)), "kind": kind, **what})


def error(kind, *texts):
    return {"error": kind, "texts": list(texts)}


# Values whose pickle calls a class that need not be on any list: reading the weights beside them and
# refusing the file by the name given are both right. {name: what a refusal must name}
MAY_REFUSE = {
    "path": "PurePosixPath", "datetime": "datetime", "timedelta": "timedelta", "complex": "complex",
    "enum": "Colour" if NEW else "getattr", "range_slice": "range", "frozenset": "frozenset", "counter": "Counter", "function": "values",
}


def write_flavours():
    for name, obj in flavours():
        for kind in ("zip", "legacy"):
            if name.startswith("checkpoint_") and isinstance(obj, tuple):
                rest, state = obj
                saved = {**rest, name[len("checkpoint_"):]: state}
            else:
                saved = obj
            path = FOLDER / f"{name}.{kind}.pth"
            try:
                torch.save(saved, path, _use_new_zipfile_serialization=kind == "zip")
            except Exception as problem:  # a flavour that this version cannot write
                path.unlink(missing_ok=True)
                print(f"{path.name}: not written: {problem}")
                continue
            kind = f"pth ({kind})"
            if name.startswith("unsupported_"):
                enter(path, kind, **error("Unsupported", "z"))
            elif name.startswith("beside_"):
                refusal = MAY_REFUSE.get(name[len("beside_"):])
                enter(path, kind, expected=expect("beside", {"w": values(2)}), **({"may_name": refusal} if refusal else {}))
            elif isinstance(obj, tuple) and isinstance(obj[0], dict):
                enter(path, kind, expected=expect("checkpoint", obj[1]))
                enter(path, kind, key=".", expected=expect(f"{name}.all", saved))
                if name == "checkpoint_model":
                    enter(path, kind, key="optimizer.state", expected=expect("checkpoint_state", rest["optimizer"]["state"]))
                    enter(path, kind, key="nowhere", **error("InvalidArgument|FormatError", "nowhere"))
            elif name.startswith("checkpoint_"):
                enter(path, kind, expected=expect("checkpoint_linear", saved["state_dict"]))
            elif name == "no_tensors":
                enter(path, kind, **error("FormatError|Unsupported", "tensor"))
            else:
                loaded = torch.load(path, **({"weights_only": False} if NEW else {}))
                enter(path, kind, expected=expect(name, loaded))


def write_protocols():
    obj = {"w": values(2, 3), "nested": {"b": [values(1), "text", b"bytes", {1}, 2 ** 40]}, "k" * 300: values(1)}
    for protocol in range(2, 6):
        for kind in ("zip", "legacy"):
            path = FOLDER / f"protocol{protocol}.{kind}.pth"
            torch.save(obj, path, pickle_protocol=protocol, _use_new_zipfile_serialization=kind == "zip")
            enter(path, f"pth ({kind})", expected=expect("protocols", obj))
    path = FOLDER / "long_frames.zip.pth"
    torch.save({"w": values(2), "text": ["x" * 70000, "y" * 70000]}, path, pickle_protocol=4)
    rezip(path, path, zipfile.ZIP_DEFLATED)
    enter(path, "pth (zip)", expected=expect("long_frames", {"w": values(2)}))


def write_storages():
    path = FOLDER / "storages.zip.pth"
    typed = values(3)._typed_storage() if NEW else values(3).storage()
    untyped = values(3).untyped_storage() if NEW else values(3).storage().untyped()
    torch.save({"w": values(2), "typed": typed, "untyped": untyped}, path)
    enter(path, "pth (zip)", expected=expect("storages", {"w": values(2)}))


def write_quantised():
    per_tensor = torch.quantize_per_tensor(values(2, 3), 0.5, 3, torch.qint8)
    per_channel = torch.quantize_per_channel(values(2, 3), torch.tensor([0.5, 0.25]), torch.tensor([1, 0]), 0, torch.qint8)
    unsigned = torch.quantize_per_tensor(values(2, 3), 0.25, 5, torch.quint8)
    wide = torch.quantize_per_tensor(values(2, 3), 0.25, 5, torch.qint32)
    obj = {"fine": values(2), "per_tensor": per_tensor, "per_channel": per_channel, "unsigned": unsigned, "wide": wide}
    plain = {name: x.dequantize() if x.is_quantized else x for name, x in obj.items()}
    for kind in ("zip", "legacy"):
        path = FOLDER / f"quantised.{kind}.pth"
        torch.save(obj, path, _use_new_zipfile_serialization=kind == "zip")
        enter(path, f"pth ({kind})", **error("Unsupported", "per_", "dequantize"))
        enter(path, f"pth ({kind})", dequantize=True, expected=expect("quantised", plain))


# --- zips made otherwise ------------------------------------------------------------------------


class Unseekable(io.RawIOBase):
    """zipfile writes data descriptors where it cannot go back."""

    def __init__(self, file):
        self.file = file

    def writable(self):
        return True

    def write(self, data):
        return self.file.write(data)


def rezip(source, target, method=zipfile.ZIP_STORED, change=lambda name, data: (name, data), folders=False, stream=False):
    with zipfile.ZipFile(source) as archive:
        members = [change(info.filename, archive.read(info)) for info in archive.infolist()]
    with open(target, "wb") as file:
        with zipfile.ZipFile(Unseekable(file) if stream else file, "w", method) as archive:
            if folders:
                for folder in sorted({name.rsplit("/", 1)[0] + "/" for name, _ in members}):
                    archive.writestr(zipfile.ZipInfo(folder, (2020, 1, 1, 0, 0, 0)), b"")
            for name, data in members:
                archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), data, method)


def write_rezipped():
    obj = {"w": values(3, 4), "h": values(5, dtype=torch.float16), "d": values(2, dtype=torch.float64),
           "i": values(3, dtype=torch.int64), "t": values(4, 3).t(), "b": values(2, dtype=torch.bfloat16)}
    plain = FOLDER / "rezipped_none.zip.pth"
    torch.save(obj, plain)
    swap = {"0": 4, "1": 2, "2": 8, "3": 8, "4": 4, "5": 2}

    def big_endian(name, data):
        if name.endswith("/byteorder"):
            return name, b"big"
        if "/data/" in name:
            width = swap[name.rsplit("/", 1)[1]]
            return name, np.frombuffer(data, f"u{width}").byteswap().tobytes()
        return name, data

    variants = {
        "none": None,
        "deflated": dict(method=zipfile.ZIP_DEFLATED),
        "folders": dict(method=zipfile.ZIP_DEFLATED, folders=True),
        "streamed": dict(method=zipfile.ZIP_DEFLATED, stream=True),
        "streamed_stored": dict(stream=True),
        "renamed": dict(change=lambda name, data: ("any name/" + name.split("/", 1)[1], data)),
        "deep": dict(change=lambda name, data: ("a/b/" + name, data)),
        "no_folder": dict(change=lambda name, data: (name.split("/", 1)[1], data)),
        "cuda": dict(change=lambda name, data: (name, relocated(data))),
    }
    if NEW:
        variants["big_endian"] = dict(change=big_endian)
    for name, how in variants.items():
        path = FOLDER / f"rezipped_{name}.zip.pth"
        if how:
            rezip(plain, path, **how)
        what = dict(expected=expect("rezipped", obj))
        if name in ("deep", "no_folder"):
            what["may_name"] = "data.pkl"
        enter(path, "pth (zip)", **what)
    if NEW:  # PyTorch's own reading of what was swapped by hand
        read = torch.load(FOLDER / "rezipped_big_endian.zip.pth")
        assert all(torch.equal(read[name], obj[name]) for name in obj)


def relocated(data):
    return data.replace(b"X\x03\0\0\0cpu", b"X\x06\0\0\0cuda:0")


def write_locations():
    obj = {"a": values(2), "b": values(3)}
    for location in ("cuda:0", "mps", "xpu"):
        path = FOLDER / f"location_{location.replace(':', '')}.legacy.pth"
        torch.save(obj, path, _use_new_zipfile_serialization=False)
        text = location.encode()
        path.write_bytes(path.read_bytes().replace(b"X\x03\0\0\0cpu", b"X" + bytes([len(text), 0, 0, 0]) + text))
        enter(path, "pth (legacy)", expected=expect("locations", obj))


# --- TorchScript and others ---------------------------------------------------------------------


class Scripted(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = Block(3, 2)
        self.classifier = nn.Sequential(nn.Flatten(), nn.Linear(8, 2))
        self.register_buffer("mean", values(3))
        self.scale = 2.0
        self.names = ["a", "b"]

    def forward(self, x):
        return self.classifier(self.block(x)) * self.scale


def write_torchscript():
    model = filled(Scripted()).eval()
    scripted = torch.jit.script(model)
    files = {
        "scripted.pt": lambda path: torch.jit.save(scripted, str(path)),
        "traced.pt": lambda path: torch.jit.save(torch.jit.trace(model, values(1, 3, 2, 2)), str(path)),
        "extra_files.pt": lambda path: torch.jit.save(scripted, str(path), _extra_files={"labels.txt": b"a\nb"}),
        "lite.ptl": lambda path: scripted._save_for_lite_interpreter(str(path)),
        "frozen.pt": lambda path: torch.jit.save(torch.jit.freeze(scripted), str(path)),
    }
    for name, write in files.items():
        path = FOLDER / f"torchscript_{name}"
        write(path)
        rezip(path, path, zipfile.ZIP_DEFLATED)  # as TorchScript's own members often are
        if name == "frozen.pt":
            enter(path, "torchscript", **error("Unsupported|FormatError", "constants"))
        else:
            enter(path, "torchscript", expected=expect("torchscript", model.state_dict()))
    path = FOLDER / "torchscript_quantised.pt"
    try:
        quantised = torch.ao.quantization.quantize_dynamic(nn.Sequential(nn.Linear(4, 3)), {nn.Linear})
        torch.jit.save(torch.jit.script(quantised), str(path))
        rezip(path, path, zipfile.ZIP_DEFLATED)
        enter(path, "torchscript", **error("Unsupported|FormatError", "quanti"))
    except Exception as problem:
        path.unlink(missing_ok=True)
        print(f"{path.name}: not written: {problem}")


def write_other_archives():
    path = FOLDER / "package.pt"
    with torch.package.PackageExporter(str(path)) as exporter:
        exporter.save_pickle("model", "model.pkl", {"w": values(2)})
    rezip(path, path, zipfile.ZIP_DEFLATED)
    enter(path, "any", **error("Unsupported|FormatError", ""))
    if NEW:
        path = FOLDER / "exported.pt2"
        torch.export.save(torch.export.export(filled(nn.Linear(2, 2)), (values(1, 2),)), str(path))
        rezip(path, path, zipfile.ZIP_DEFLATED)
        enter(path, "any", **error("Unsupported|FormatError", ""))


def write_plain_pickles():
    state = filled(nn.Linear(2, 3)).state_dict()
    arrays = {"f32": values(2, 3).numpy(), "f64": values(2).double().numpy(), "i64": np.arange(3), "bool": np.array([True, False]),
              "f16": np.array([1.5], np.float16), "u8": np.arange(4, dtype=np.uint8), "scalar": np.array(2.5), "empty": np.zeros((0, 2)),
              "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)), "big_endian": np.arange(3, dtype=">f4")}
    plain = {name: x.astype(x.dtype.newbyteorder("=")) for name, x in arrays.items()}
    for protocol in range(6):
        path = FOLDER / f"arrays_protocol{protocol}.pkl"
        path.write_bytes(pickle.dumps(arrays, protocol))
        enter(path, "pickle", expected=expect("arrays", plain))
        if protocol in (0, 2, 4, 5):
            path = FOLDER / f"state_dict_protocol{protocol}.pkl"
            path.write_bytes(pickle.dumps(state, protocol))
            enter(path, "pickle", expected=expect("pickled_state_dict", dict(state)))
    objects = np.array([1, "a", None], dtype=object)
    path = FOLDER / "array_of_objects.pkl"
    path.write_bytes(pickle.dumps({"a": values(2).numpy(), "o": objects}, 2))
    enter(path, "pickle", **error("Unsupported|FormatError", "o"))


def finish(folder):
    """Replaces what the index said of the files of this folder."""
    index = OUT / "index.json"
    others = [e for e in json.loads(index.read_text()) if not e["file"].startswith(folder.name)] if index.exists() else []
    lines = ",\n".join(json.dumps(e, ensure_ascii=False) for e in sorted(others + entries, key=lambda e: (e["file"], e.get("key", ""))))
    index.write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    torch.manual_seed(0)
    # The legacy kind keeps the source text of modules: a line stands for it.
    torch.serialization.get_source_lines_and_file = lambda kind: ([f"class {kind.__name__}: pass\n"], 0, "model.py")
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.iterdir():
        old.unlink()
    write_flavours()
    write_protocols()
    write_storages()
    write_quantised()
    write_rezipped()
    write_locations()
    write_torchscript()
    write_other_archives()
    write_plain_pickles()
    finish(FOLDER)
