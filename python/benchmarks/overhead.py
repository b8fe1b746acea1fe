#!/usr/bin/env python3
"""overhead.py --program TINY_MODEL --model FILE: what a call from Python costs beyond C++'s.

The same model, one small layer at batch 1 on one thread, is run by tests/python/tiny_model.cpp and
from here, in turns; the least and the median of each are compared.
"""

import argparse
import subprocess
import sys
import time

import numpy as np

import lamina

RUNS = 20_000


def from_python(path):
    session = lamina.Session(lamina.load_model(path), device="cpu", threads=1)
    batch = np.ones((1, 3, 8, 8), np.float32)
    times_us = []
    for _ in range(RUNS):
        start = time.perf_counter_ns()
        session.run(batch)
        times_us.append((time.perf_counter_ns() - start) / 1e3)
    return min(times_us), float(np.median(times_us))


def from_cpp(program, path):
    run = subprocess.run(
        [program, "time", path, str(RUNS)], check=True, capture_output=True, text=True
    )
    least, median = map(float, run.stdout.split())
    return least, median


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True, help="build/release/tests/tiny_model")
    parser.add_argument("--model", required=True, help="what `tiny_model write` wrote")
    parser.add_argument("--limit-us", type=float, help="fail where the medians differ by more")
    options = parser.parse_args()
    rows = [(from_cpp(options.program, options.model), from_python(options.model)) for _ in range(3)]
    cpp, python = (
        [min(row[side][kind] for row in rows) for kind in (0, 1)] for side in (0, 1)
    )
    over = python[1] - cpp[1]
    print(f"C++     {cpp[0]:6.2f} us least, {cpp[1]:6.2f} us median")
    print(f"Python  {python[0]:6.2f} us least, {python[1]:6.2f} us median")
    print(f"over    {python[0] - cpp[0]:6.2f} us least, {over:6.2f} us median")
    return 1 if options.limit_us is not None and not over <= options.limit_us else 0


if __name__ == "__main__":
    sys.exit(main())
