"""10,000 calls leave nothing behind."""

import gc
import os
import pathlib
import sys

import numpy as np
import pytest
from conftest import OnlyDLPack

import lamina

RUNS = 10_000


def resident_bytes():
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def growth(call):
    """Bytes and Python objects that RUNS calls leave, once the first have warmed up."""
    for _ in range(500):
        call()
    gc.collect()
    objects, blocks, size = len(gc.get_objects()), sys.getallocatedblocks(), resident_bytes()
    for _ in range(RUNS):
        call()
    gc.collect()
    return {
        "objects": len(gc.get_objects()) - objects,
        "blocks": sys.getallocatedblocks() - blocks,
        "bytes": resident_bytes() - size,
    }


def refused(function, *arguments):
    try:
        function(*arguments)
    except lamina.Error:
        return
    raise AssertionError("was not refused")


@pytest.mark.parametrize("case", ["run", "dlpack", "error", "state_dict", "classes", "session"])
def test_nothing_is_left(tiny, case):
    session = lamina.Session(tiny, device="cpu", threads=1)
    x = np.ones((1, 3, 8, 8), np.float32)
    wrong = np.ones((1, 3, 8, 8), np.float64)

    other = OnlyDLPack(x)
    state = tiny.state_dict()
    arrays = {name: np.array(array) for name, array in state.items()}
    calls = {
        "run": lambda: session.run(x),
        "dlpack": lambda: session.run(other),
        "error": lambda: refused(session.run, wrong),
        "state_dict": lambda: (tiny.load_state_dict(arrays), tiny.state_dict()),
        "classes": lambda: lamina.top_classes(session.run(x), 2),
        "session": lambda: lamina.Session(tiny, device="cpu", threads=1).run(x),
    }
    references = [sys.getrefcount(thing) for thing in (x, wrong, other, session, tiny)]
    left = growth(calls[case])
    assert [sys.getrefcount(thing) for thing in (x, wrong, other, session, tiny)] == references
    assert left["objects"] < 20 and left["blocks"] < 200, left
    assert left["bytes"] < 2 << 20, left
