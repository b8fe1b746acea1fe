"""peers.py make|check FOLDER: the other side of peers_test.cpp, with NumPy and safetensors.

make   writes files for the library to read
check  reads the files that the library wrote; fails where anything differs
Exit status 77: a module is missing.
"""
import pathlib
import sys

try:
    import numpy as np
    import safetensors.numpy
except ImportError as error:
    print(error)
    sys.exit(77)


def tensors():
    """What peers_test.cpp calls the sample, element by element."""
    return {
        "f32": (np.arange(6, dtype=np.float32) / 2 - 1).reshape(2, 3),
        "f64": np.arange(3, dtype=np.float64) / 3,
        "f16": np.array([1, -2, 0.5], dtype=np.float16),
        "i64": np.array([[2**40], [-5]], dtype=np.int64),
        "i32": np.array([7], dtype=np.int32),
        "i16": np.array([-300, 300], dtype=np.int16),
        "i8": np.array([-128, 127], dtype=np.int8),
        "u8": np.array([0, 255], dtype=np.uint8),
        "bool": np.array([True, False, True]),
        "scalar": np.array(3.5, dtype=np.float32),
        "empty": np.zeros((0, 4), dtype=np.float32),
    }


def make(folder):
    safetensors.numpy.save_file(tensors(), folder / "peer.safetensors", metadata={"by": "peer"})
    np.savez(folder / "peer.npz", **tensors())
    np.savez_compressed(folder / "peer_deflated.npz", **tensors())
    np.save(folder / "fortran.npy", np.asfortranarray(tensors()["f32"]))
    np.save(folder / "big_endian.npy", tensors()["f32"].astype(">f4"))


def same(ours):
    theirs = tensors()
    assert set(ours) == set(theirs), (set(ours), set(theirs))
    for name, array in theirs.items():
        assert ours[name].dtype == array.dtype and ours[name].shape == array.shape, name
        assert ours[name].tobytes() == array.tobytes(), name


def check(folder):
    same(safetensors.numpy.load_file(folder / "ours.safetensors"))
    with safetensors.safe_open(folder / "ours.safetensors", "np") as file:
        assert file.metadata() == {"by": "lamina"}
    same(dict(np.load(folder / "ours.npz")))
    for name, array in tensors().items():
        np.save(folder / "theirs.npy", array)
        ours, theirs = folder / f"ours_{name}.npy", folder / "theirs.npy"
        same_bytes = ours.read_bytes() == theirs.read_bytes()
        assert same_bytes or np.__version__ < "1.25", name  # older ones pad the header otherwise
        assert np.load(ours).tobytes() == array.tobytes(), name


if __name__ == "__main__":
    {"make": make, "check": check}[sys.argv[1]](pathlib.Path(sys.argv[2]))
