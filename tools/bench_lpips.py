#!/usr/bin/env python3
"""LPIPS by Lamina's library and by the package lpips: the same weights and pictures, in turn.

  tools/bench_lpips.py --sizes 64x64,224x224 -t 2 -o rows.jsonl

For a Python that has PyTorch, torchvision and lpips (tools/check --with-torch makes build/venv).
Each has a process of its own and waits while the other runs; they take turns of --seconds, A, B, A, B, for --rounds
rounds, so that a busy moment of the machine falls on both. The package runs as it is, in eager
mode, without gradients. `ratio_min` and `ratio_p50` are its time over Lamina's.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "models"))
sys.dont_write_bytecode = True
TOLERANCE = 1e-5  # of the distance, before a time means anything


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="224x224", help="HxW[,HxW]; 224x224")
    parser.add_argument("-b", "--pairs", default="1", help="pairs a call; 1,8")
    parser.add_argument("-t", "--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=1.5, help="of each turn")
    parser.add_argument("--run-lpips", default=ROOT / "build/release/tests/run_lpips", type=Path)
    parser.add_argument("-o", "--output", help="JSON Lines")
    parser.add_argument("--package", nargs=5, help=argparse.SUPPRESS)
    return parser.parse_args()


def run_package(weights, a, b, out, threads):
    """What run_lpips does, with the package."""
    import warnings

    warnings.filterwarnings("ignore")
    import numpy as np
    import torch

    from lpips_pairs import network

    torch.set_num_threads(int(threads))
    net = network(torch.load(weights))
    a, b = (torch.from_numpy(np.load(path)) for path in (a, b))
    with torch.no_grad():
        np.save(out, net(a, b).numpy().astype(np.float64).reshape(-1, 1))
        for line in sys.stdin:
            ms, begin = [], time.perf_counter()
            while not ms or time.perf_counter() - begin < float(line):
                start = time.perf_counter()
                net(a, b)
                ms.append(1e3 * (time.perf_counter() - start))
            print(json.dumps({"ms": ms}), flush=True)


class Engine:
    """A process that has answered once, and its times so far."""

    def __init__(self, name, command, out):
        self.name, self.out, self.ms = name, out, []
        self.process = subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.turn(0)  # its first run finds caches cold
        self.ms = []

    def turn(self, seconds):
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()
        self.ms += json.loads(self.process.stdout.readline())["ms"]

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def measure(options, folder, size, pairs):
    import numpy as np

    height, width = (int(side) for side in size.split("x"))
    random = np.random.default_rng(0)
    inputs = []
    for name in "ab":
        inputs.append(folder / f"{name}.npy")
        pixels = random.integers(0, 256, (pairs, 3, height, width))
        np.save(inputs[-1], (pixels / 127.5 - 1).astype(np.float32))
    arguments = [folder / "vgg16.pth", *inputs]
    package = [sys.executable, __file__, "--package"]
    engines = []
    for name, command in (("lamina", [options.run_lpips]), ("lpips", package)):
        out = folder / f"{name}.npy"
        engines.append(Engine(name, [*command, *arguments, out, options.threads], out))
    for _ in range(options.rounds):
        for engine in engines:
            engine.turn(options.seconds)
            time.sleep(0.02)  # until its threads sleep
    for engine in engines:
        engine.end()
    ours, theirs = engines
    values, expected = np.load(ours.out)[:, 0], np.load(theirs.out)[:, 0]
    error = float(np.abs(values / expected - 1).max())
    if not error <= TOLERANCE:
        sys.exit(f"bench_lpips: {size}: the distances differ by {error:.1e}: not timed")
    return rows_of(options, engines, (height, width), pairs, error)


def rows_of(options, engines, size, pairs, error):
    import lpips
    import torch

    theirs = engines[1].ms
    for engine in engines:
        yield {
            "engine": engine.name,
            "mode": "lpips",
            "device": "cpu",
            "precision": "fp32",
            "threads": options.threads,
            "batch": pairs,
            "height": size[0],
            "width": size[1],
            "n": len(engine.ms),
            "min_ms": min(engine.ms),
            "p50_ms": statistics.median(engine.ms),
            "ratio_min": min(theirs) / min(engine.ms),
            "ratio_p50": statistics.median(theirs) / statistics.median(engine.ms),
            "max_rel_difference": error,
            "version": f"torch {torch.__version__}" if engine.name == "lpips" else None,
            "load": os.getloadavg()[0],
        }


def main():
    options = parse_arguments()
    if options.package:
        return run_package(*options.package)
    import torch
    import torchvision

    torch.manual_seed(0)
    with tempfile.TemporaryDirectory(prefix="bench_lpips.") as name:
        folder = Path(name)
        state = torchvision.models.vgg16(weights=None, num_classes=10).state_dict()
        features = {key: value for key, value in state.items() if key.startswith("features.")}
        torch.save(features, folder / "vgg16.pth")
        written = open(options.output, "w", encoding="utf-8") if options.output else None
        print("| pictures | pairs | Lamina, best ms | median | lpips, best ms | median | times, best | median |")
        print("|---|---|---|---|---|---|---|---|")
        for size in options.sizes.split(","):
            for pairs in (int(text) for text in options.pairs.split(",")):
                ours, theirs = measure(options, folder, size, pairs)
                cells = [size, pairs, *(f"{row[key]:.1f}" for row in (ours, theirs) for key in ("min_ms", "p50_ms"))]
                cells += [f"{ours[key]:.2f}" for key in ("ratio_min", "ratio_p50")]
                print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)
                for row in (ours, theirs) if written else ():
                    written.write(json.dumps(row) + "\n")
    return None


main()
