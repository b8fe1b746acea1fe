"""Writes tests/data/pth/old: flavours that no PyTorch at hand writes any more, put together by hand
after genuine files of those years. Run after make_pth_fixtures.py, with PyTorch 2:
    python tests/serialization/make_old_pth_fixtures.py
"""
import collections
import io
import pickle
import struct
import tarfile
import types

import torch
from torch import nn

import make_pth_fixtures as fixtures
from make_pth_fixtures import OUT, enter, error, expect
from pth_flavours import filled, values

FOLDER = OUT / "old"


class OldPickler(pickle._Pickler):
    """Python 2's pickler, as far as files show: its str are SHORT_BINSTRING and BINSTRING, not text.
    Tensors are rebuilt as PyTorch did it in 2017, with no word on gradients or hooks."""

    python2 = True
    dispatch = dict(pickle._Pickler.dispatch)

    def save_str(self, text):
        if not self.python2 or not text.isascii():
            return pickle._Pickler.save_str(self, text)
        data = text.encode()
        head = b"U" + bytes([len(data)]) if len(data) < 256 else b"T" + struct.pack("<i", len(data))
        self.write(head + data)
        self.memoize(text)

    dispatch[str] = save_str

    def reducer_override(self, obj):
        if isinstance(obj, nn.Parameter):
            return torch._utils._rebuild_parameter, (obj.data, obj.requires_grad, collections.OrderedDict())
        if isinstance(obj, torch.Tensor):
            return torch._utils._rebuild_tensor, (obj._typed_storage(), obj.storage_offset(), tuple(obj.shape), obj.stride())
        return NotImplemented


class Python3Of2017(OldPickler):
    python2 = False


def save_with(pickler, obj, path):
    def dump(value, file, protocol=2):
        pickler(file, protocol).dump(value)

    module = types.SimpleNamespace(__name__="pickle", Pickler=pickler, dump=dump)
    torch.save(obj, path, pickle_module=module, pickle_protocol=2, _use_new_zipfile_serialization=False)


def write_legacy():
    obj = filled(nn.Sequential(nn.Conv2d(2, 3, 1), nn.BatchNorm2d(3))).state_dict()
    obj["view"] = values(4, 3).t()
    obj["tied"] = obj["view"]
    obj["k" * 300] = values(1)
    for name, pickler in (("python2", OldPickler), ("rebuild_tensor", Python3Of2017)):
        path = FOLDER / f"{name}.legacy.pth"
        save_with(pickler, obj, path)
        read = torch.load(path, weights_only=False, encoding="ascii")
        enter(path, "pth (legacy)", expected=expect("old_legacy", dict(read)))
        path = FOLDER / f"{name}_parameters.legacy.pth"
        save_with(pickler, filled(nn.ParameterDict({"a": nn.Parameter(values(2))})), path)
        enter(path, "pth (legacy)", expected=expect("old_parameters", {"a": values(2, start=0)}))
    views()


def views():
    """Storages that are views of another: (root's key, offset, size) in the persistent id."""
    def persistent(key, metadata):
        return b"(X\x07\0\0\0storagectorch\nFloatStorage\n" + text(key) + text("cpu") + integer(12) + metadata + b"tQ"

    def tensor(storage, offset, size, stride):
        size, stride = ints(size), ints(stride)
        return b"ctorch._utils\n_rebuild_tensor\n(" + storage + integer(offset) + size + stride + b"tR"

    root = persistent("root", b"N")
    part = b"(X\x07\0\0\0storagectorch\nFloatStorage\n" + text("root") + text("cpu") + integer(12) + \
        b"(" + text("part") + integer(4) + integer(6) + b"ttQ"
    obj = b"\x80\x02}(" + text("whole") + tensor(root, 0, (3, 4), (4, 1)) + text("part") + tensor(part, 0, (2, 3), (3, 1)) + b"u."
    path = FOLDER / "storage_views.legacy.pth"
    data = values(12)
    info = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    keys = pickle.dumps(["root"], 2)
    path.write_bytes(pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2) + pickle.dumps(info, 2) + obj + keys +
                     struct.pack("<q", 12) + data.numpy().tobytes())
    read = torch.load(path, weights_only=False)
    assert torch.equal(read["part"], data[4:10].reshape(2, 3))
    enter(path, "pth (legacy)", expected=expect("old_views", read))


# --- the tar of 2016-17 -------------------------------------------------------------------------


def text(s):
    return b"X" + struct.pack("<I", len(s.encode())) + s.encode()


def integer(n):
    return pickle.dumps(n, 2)[2:-1]


def ints(numbers):
    return b"(" + b"".join(integer(n) for n in numbers) + b"t"


def tar_members(tensors, pickled, storage_views=()):
    """tensors: {key: (tensor, type name)}; those of one storage share it, as in the files of then."""
    storages, records = {}, []
    for key, (tensor, kind) in tensors.items():
        storage = tensor._typed_storage()
        storage_key = storages.setdefault(storage._cdata, (9000000 + len(storages), storage, kind))[0]
        records.append(b"\x80\x02" + integer(key) + integer(storage_key) + f"ctorch\n{kind}Tensor\n".encode() + b"\x87.")
        records.append(struct.pack(f"<i4x{tensor.dim()}q{tensor.dim()}qq", tensor.dim(), *tensor.shape,
                                   *tensor.stride(), tensor.storage_offset()))
    stored = [pickle.dumps(len(storages), 2)]
    for key, storage, kind in storages.values():
        stored.append(b"\x80\x02" + integer(key) + text("cpu") + f"ctorch\n{kind}Storage\n".encode() + b"\x87.")
        raw = torch.tensor([], dtype=storage.dtype).set_(storage._untyped_storage, 0, (storage.size(),))
        stored.append(struct.pack("<q", storage.size()) + raw.numpy().tobytes())
    stored.append(pickle.dumps(list(storage_views), 2))
    info = {"protocol_version": 1000, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    return {"sys_info": pickle.dumps(info, 2), "pickle": pickled, "storages": b"".join(stored),
            "tensors": pickle.dumps(len(tensors), 2) + b"".join(records)}


def write_tar_file(path, members, format=tarfile.PAX_FORMAT):
    with tarfile.open(path, "w", format=format) as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(data), 1485049682.5  # a fraction makes PAX headers, as then
            archive.addfile(info, io.BytesIO(data))


class Reference:
    """What a persistent id stands for."""

    def __init__(self, key):
        self.key = key


class TarPickler(pickle.Pickler):
    def persistent_id(self, obj):
        return obj.key if isinstance(obj, Reference) else None


def tar_pickle(obj):
    file = io.BytesIO()
    TarPickler(file, 2).dump(obj)
    return file.getvalue()


def module_pickle():
    """A pickled module: its class comes out of a persistent id that carries its source text."""
    def od(items):
        return b"ccollections\nOrderedDict\n)R(" + b"".join(items) + b"u"

    def parameter(key):
        variable = b"ctorch.autograd.variable\nVariable\n)\x81(" + text(key) + b"QNN\x89\x89tb"
        return b"ctorch.nn.parameter\nParameter\n)\x81(" + variable + b"N\x88\x89tb"

    backend = text("_backend") + b"ctorch.nn.backends.thnn\n_get_thnn_function_backend\n)R"
    linear = b"ctorch.nn.modules.linear\nLinear\n" + text("linear.py") + text("class Linear(Module):\n    pass\n") + \
        b"\x87Q)\x81}(" + text("_modules") + od([]) + text("_buffers") + od([text("mean") + text("103") + b"Q"]) + \
        text("_parameters") + od([text("weight") + parameter("101"), text("bias") + parameter("102")]) + backend + \
        text("training") + b"\x88ub"
    return b"\x80\x02cmodel\nNet\n" + text("model.py") + text("class Net(nn.Module):\n    pass\n") + b"\x87Q)\x81}(" + \
        text("_modules") + od([text("fc") + linear]) + text("_buffers") + od([]) + text("_parameters") + od([]) + \
        text("hidden_size") + b"K\x80" + backend + b"ub."


def write_tars():
    base = values(3, 4)
    tensors = {101: (base, "Float"), 102: (base[1:, 2:], "Float"), 103: (base.t(), "Float"), 104: (values(2).long(), "Long"),
               105: (values(2).double(), "Double"), 106: (values(3).byte(), "Byte")}
    names = {"base": 101, "part": 102, "turned": 103, "long": 104, "double": 105, "byte": 106}
    members = tar_members(tensors, tar_pickle({name: Reference(str(key)) for name, key in names.items()}))
    expected = expect("old_tar", {name: tensors[key][0] for name, key in names.items()})
    for name, format in (("pax", tarfile.PAX_FORMAT), ("gnu", tarfile.GNU_FORMAT), ("ustar", tarfile.USTAR_FORMAT)):
        path = FOLDER / f"tar_{name}.pth"
        write_tar_file(path, members, format)
        assert torch.equal(torch.load(path, weights_only=False)["part"], base[1:, 2:])
        enter(path, "pth (tar)", expected=expected)
    path = FOLDER / "tar_other_order.pth"
    write_tar_file(path, dict(reversed(members.items())))
    enter(path, "pth (tar)", expected=expected)

    path = FOLDER / "tar_storage_views.pth"
    view = 9000077
    members = tar_members({101: (values(6), "Float")}, tar_pickle({"w": Reference("101"), "v": Reference("107")}), [(view, 9000000, 2, 3)])
    members["tensors"] = pickle.dumps(2, 2) + members["tensors"][len(pickle.dumps(1, 2)):] + \
        b"\x80\x02" + integer(107) + integer(view) + b"ctorch\nFloatTensor\n\x87." + struct.pack("<i4x3q", 1, 3, 1, 0)
    write_tar_file(path, members)
    read = torch.load(path, weights_only=False)
    assert torch.equal(read["v"], values(6)[2:5])
    enter(path, "pth (tar)", expected=expect("old_tar_views", read))

    path = FOLDER / "tar_module.pth"
    tensors = {101: (values(2, 3), "Float"), 102: (values(2), "Float"), 103: (values(3), "Float")}
    write_tar_file(path, tar_members(tensors, module_pickle()))
    enter(path, "pth (tar)", expected=expect("old_tar_module", {"fc.weight": values(2, 3), "fc.bias": values(2), "fc.mean": values(3)}))

    path = FOLDER / "tar_without_tensors.pth"
    members = tar_members(tensors, module_pickle())
    del members["tensors"]
    write_tar_file(path, members)
    enter(path, "pth (tar)", **error("FormatError", "tensors"))


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.iterdir():
        old.unlink()
    write_legacy()
    write_tars()
    fixtures.finish(FOLDER)
