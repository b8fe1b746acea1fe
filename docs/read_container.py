#!/usr/bin/env python3
"""read_container.py FILE: reads a .lamina container with nothing but Python's standard library.

Written from docs/container.md alone, to show that the description is enough. read(path) returns the
manifest and a dict from names to (dtype, shape, bytes); with NumPy, numpy.frombuffer makes arrays
of those. Checksums are compared where the module xxhash is installed.
"""
import json
import struct
import sys

try:
    import xxhash
except ImportError:
    xxhash = None

ITEM_BYTES = {"f32": 4, "f64": 8, "f16": 2, "bf16": 2, "i8": 1, "u8": 1, "i16": 2, "i32": 4, "i64": 8,
              "bool": 1}


def no_duplicates(pairs):
    result = dict(pairs)
    assert len(result) == len(pairs), "duplicate key"
    return result


def read_tensor(entry, data, end):
    """The tensor's bytes, and where they end; `end` is where the bytes before it ended."""
    numel = 1
    for size in entry["shape"]:
        assert size >= 0, "negative size"
        numel *= size
    offset, nbytes = entry["offset"], entry["nbytes"]
    assert nbytes == numel * ITEM_BYTES[entry["dtype"]], "size mismatch"
    alignment = 64 if nbytes < 65536 else 4096
    assert offset == (end + alignment - 1) // alignment * alignment, "hole, overlap or misaligned"
    assert offset + nbytes <= len(data), "truncated"
    assert not any(data[end:offset]), "padding that is not zero"
    content = data[offset:offset + nbytes]
    if xxhash:
        assert xxhash.xxh3_64_hexdigest(content) == entry["checksum"], "bad checksum"
    return content, offset + nbytes


def read(path):
    with open(path, "rb") as file:
        data = file.read()
    magic, major, _minor, flags, length, checksum = struct.unpack_from("<8sHHIQQ", data)
    assert magic == b"\x89LAMINA\n", "not a lamina container"
    assert major == 1, f"version {major}"
    assert flags == 0, "unknown flags"
    end = 32 + length
    assert end <= len(data), "truncated"
    if xxhash:
        assert xxhash.xxh3_64_intdigest(data[:24] + data[32:end]) == checksum, "bad checksum"
    manifest = json.loads(data[32:end].decode("utf-8"), object_pairs_hook=no_duplicates)
    assert manifest["format"] == "lamina"
    tensors = {}
    for entry in manifest["tensors"]:
        assert entry["name"] not in tensors, "duplicate name"
        if "alias_of" in entry:
            tensors[entry["name"]] = tensors[entry["alias_of"]]
        else:
            content, end = read_tensor(entry, data, end)
            tensors[entry["name"]] = entry["dtype"], entry["shape"], content
    assert end == len(data), "bytes behind the last tensor"
    return manifest, tensors


if __name__ == "__main__":
    for name, (dtype, shape, _content) in read(sys.argv[1])[1].items():
        print(name, dtype, shape)
