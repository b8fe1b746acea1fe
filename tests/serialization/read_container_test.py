"""docs/read_container.py reads the golden container, and notices damage."""
import pathlib
import struct
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "docs"))
import read_container

GOLDEN = ROOT / "tests/data/serialization/golden_v1.lamina"
EXPECTED = {  # name: dtype, shape, struct format, values (NaN is compared by its bits)
    "fc.weight": ("f32", [2, 3], "<6I", (0, 0x80000000, 0x3FC00000, 0x7FC00000, 0x7F800000, 714)),
    "fc.bias": ("f64", [2], "<2d", (0.1, -1e300)),
    "half": ("f16", [3], "<3H", (0x3C00, 0x7BFF, 1)),
    "brain": ("bf16", [2], "<2H", (0x3F80, 0xFF80)),
    "i8": ("i8", [2], "<2b", (-128, 127)),
    "u8": ("u8", [3], "<3B", (0, 255, 7)),
    "i16": ("i16", [1, 2], "<2h", (-32768, 32767)),
    "i32": ("i32", [1], "<i", (-(2**31),)),
    "step": ("i64", [], "<q", (2**40,)),
    "flags": ("bool", [2], "<2?", (False, True)),
    "empty": ("f32", [0, 3], "<", ()),
}
EXPECTED["tied"] = EXPECTED["fc.weight"]


def main():
    manifest, tensors = read_container.read(GOLDEN)
    assert manifest["created_by"] == "lamina golden file"
    assert manifest["metadata"] == {"format": "pt"}
    assert manifest["model"]["children"] == [{"type": "ReLU"}]
    assert manifest["weights"]["labels"] == ["caf\u00e9", 'na"ive']
    assert manifest["checkpoint"] == {"epoch": 3, "loss": 0.125}
    assert list(tensors) == list(EXPECTED)
    for name, (dtype, shape, layout, values) in EXPECTED.items():
        assert tensors[name][:2] == (dtype, shape), name
        assert struct.unpack(layout, tensors[name][2]) == values, name

    data = GOLDEN.read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        for length in range(len(data)):
            file = pathlib.Path(folder) / str(length)
            file.write_bytes(data[:length])
            try:
                read_container.read(file)
            except (AssertionError, struct.error):
                continue
            raise AssertionError(f"cut to {length} bytes, the file was read")


if __name__ == "__main__":
    main()
