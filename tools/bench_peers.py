#!/usr/bin/env python3
"""Lamina and its peers on this machine: the same weights and images, answers compared, in turn.

  tools/bench_peers.py --setup                  # a virtual environment with pinned peers
  tools/bench_peers.py -b 1,8 -t 2 -o rows.jsonl
  tools/bench_peers.py --engines lamina,ncnn --isa avx2
  tools/bench_peers.py --device cuda --precision bf16 -b 1,64

Every engine has a process of its own and waits while another runs; they take turns of --seconds,
A, B, C, A, B, C, for --rounds rounds, so that a busy moment of the machine falls on all. A row's
names are lamina-bench's (docs/lamina-bench.md); `ratio` is the engine's time over Lamina's, on a GPU
by the device's clock, without copies.
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
PEERS = ROOT / "tools" / "peers"
sys.path.insert(0, str(PEERS))

ENGINES = [
    "lamina",
    "pytorch",
    "pytorch-channels-last",
    "pytorch-compiled",
    "onnxruntime",
    "openvino",
    "ncnn",
    "mnn",
    "opencv",
]
CUDA_ENGINES = ["lamina", "pytorch-cuda", "pytorch-cuda-compiled"]
MODULES = {"onnxruntime": "onnxruntime", "openvino": "openvino", "ncnn": "ncnn", "mnn": "MNN"}
MODULES |= {"opencv": "cv2"}
# How far logits may be off, relative to the largest, before a time means nothing.
TOLERANCE = {"fp32": 1e-3, "tf32": 5e-3, "fp16": 1e-2, "bf16": 5e-2, "int8": 1e-1, "fp8": 2e-1}


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], formatter_class=argparse.RawDescriptionHelpFormatter
    )
    numbers = lambda text: [int(part) for part in text.split(",")]  # noqa: E731
    names = lambda text: text.split(",")  # noqa: E731
    parser.add_argument("--setup", action="store_true", help="install the peers, and end")
    parser.add_argument("-m", "--model", default="vgg16", help="vgg11, vgg13, vgg16 or vgg19")
    parser.add_argument("-b", "--batch", type=numbers, default=[1], help="1,8")
    parser.add_argument("-t", "--threads", type=numbers, default=[0], help="1,2; 0: all")
    parser.add_argument("--precision", type=names, default=["fp32"], help="fp32,bf16,int8")
    parser.add_argument("--device", default="cpu", help="cpu (default), or cuda with tf32, fp16 too")
    parser.add_argument("--engines", type=names, help=",".join(ENGINES + CUDA_ENGINES[1:]))
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=1.0, help="of a turn")
    parser.add_argument("--isa", help="hold Lamina, PyTorch and oneDNN to it: avx2")
    parser.add_argument("--python", action="append", help="an interpreter that has peers")
    parser.add_argument("--bin", default=ROOT / "build" / "release" / "bin", type=Path)
    parser.add_argument("-o", "--output", help="rows as JSON Lines")
    options = parser.parse_args()
    known = ENGINES if options.device == "cpu" else CUDA_ENGINES
    options.engines = options.engines or known
    unknown = set(options.engines) - set(known)
    if unknown:
        parser.error(f"no engine {', '.join(sorted(unknown))}: there are {', '.join(known)}")
    options.threads = [t or len(os.sched_getaffinity(0)) for t in options.threads]
    return options


def fail(text, hint=""):
    print(f"bench_peers: error: {text}", file=sys.stderr)
    if hint:
        print(f"  hint: {hint}", file=sys.stderr)
    sys.exit(2)


def set_up():
    folder = ROOT / "build" / "peers"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    pip = [folder / "bin" / "python", "-m", "pip", "install", "-r", PEERS / "requirements.txt"]
    subprocess.run(pip, check=True)


def interpreters(options):
    """The first of the given Pythons that has an engine's module, by engine; absent where none."""
    known = options.python or []
    known += [str(ROOT / "build" / "peers" / "bin" / "python")]
    known += [os.environ.get("LAMINA_TEST_PYTHON", sys.executable), sys.executable]
    found = {}
    for engine in options.engines:
        module = MODULES.get(engine, "torch")
        probe = f"import importlib.util as u; exit(u.find_spec('{module}') is None)"
        for python in known if engine != "lamina" else []:
            if Path(python).exists() and subprocess.run([python, "-c", probe]).returncode == 0:
                found[engine] = python
                break
    return found


def environment(options, threads):
    env = dict(os.environ, OMP_NUM_THREADS=str(threads), LAMINA_NUM_THREADS=str(threads))
    if options.isa:
        env["LAMINA_ISA"] = options.isa
        env["ONEDNN_MAX_CPU_ISA"] = env["DNNL_MAX_CPU_ISA"] = options.isa.upper()
        env["ATEN_CPU_CAPABILITY"] = options.isa
    return env


class Engine:
    """A process that has loaded the model, and its times so far."""

    def __init__(self, name, command, env, logits):
        self.name, self.logits, self.ms, self.gpu_ms, self.peak = name, logits, [], [], 0.0
        self.process = subprocess.Popen(
            [str(part) for part in command],
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if name != "lamina" else None,
            text=True,
        )
        self.about = self._answer()

    def _answer(self):
        line = self.process.stdout.readline()
        if line:
            return json.loads(line)
        text = self.process.stderr.read().strip() if self.process.stderr else ""
        raise RuntimeError(text.splitlines()[-1] if text else f"{self.name} ended")

    def turn(self, seconds):
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()
        answer = self._answer()
        first = 1 if len(answer["ms"]) > 2 else 0  # the first finds its caches cold
        self.ms += answer["ms"][first:]
        self.gpu_ms += answer["gpu_ms"][first:]
        self.peak = answer["peak_rss_mib"]

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def relative_error(path, expected):
    import numpy

    logits = numpy.load(path)
    if logits.shape != expected.shape or not numpy.isfinite(logits).all():
        return float("inf")
    return float(abs(logits - expected).max() / abs(expected).max())


class Job:
    """One model, batch, precision and number of threads, for all engines."""

    def __init__(self, options, folder, batch, threads, precision, pythons):
        self.options, self.folder, self.pythons = options, Path(folder), pythons
        self.batch, self.threads, self.precision = batch, threads, precision
        self.env = environment(options, threads)
        self.weights = self.folder / "weights.safetensors"

    def command(self, engine, precision, device="cpu"):
        images, logits = self.folder / f"images-{self.batch}.npy", self.folder / f"{engine}.npy"
        if engine in ("lamina", "reference"):
            command = [self.options.bin / "lamina-bench", "turns", "-q", "-m", self.options.model]
            command += ["-w", self.weights, "--input", images, "-o", logits, "--device", device]
            return command + ["-t", self.threads, "--precision", precision], logits
        command = [self.pythons[engine], PEERS / "worker.py", engine, self.options.model]
        return command + [self.weights, images, logits, self.threads, precision], logits

    def expected(self):
        """Logits by plain loops that sum in float64, of the two images that differ."""
        import numpy

        path, pick = self.folder / "expected.npy", [i % 2 for i in range(self.batch)]
        images = numpy.random.default_rng(0).uniform(-2, 2, (2, 3, 224, 224)).astype(numpy.float32)
        name = self.folder / f"images-{self.batch}.npy"
        if not path.exists():
            numpy.save(name, images)
            command, logits = self.command("reference", "fp32")
            note("computing the answer that all are compared with, in float64")
            env = dict(self.env, LAMINA_CONV2D_PLAN="reference")
            subprocess.run([str(part) for part in command], env=env, stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL, check=True)
            logits.rename(path)
        numpy.save(name, images[pick])
        return numpy.load(path)[pick]

    def start(self):
        engines, errors, expected = [], {}, self.expected()
        for name in self.options.engines:
            if name != "lamina" and name not in self.pythons:
                note(f"{name}: not installed")
                continue
            command, logits = self.command(name, self.precision, self.options.device)
            try:
                engine = Engine(name, command, self.env, logits)
            except RuntimeError as error:
                note(f"{name}: {error}")
                continue
            if "unsupported" in engine.about:
                continue
            errors[name] = relative_error(logits, expected)
            if not errors[name] <= TOLERANCE[self.precision]:
                note(f"{name}: wrong by {errors[name]:.1e} of the largest logit: not timed")
                engine.end()
                continue
            engines.append(engine)
        return engines, errors

    def measure(self):
        engines, errors = self.start()
        for round_number in range(self.options.rounds):
            for engine in engines:
                engine.turn(self.options.seconds)
                time.sleep(0.02)  # until its threads sleep
            note(f"round {round_number + 1} of {self.options.rounds}", end="\r")
        note("")
        for engine in engines:
            engine.end()
        return self.rows(engines, errors)

    def rows(self, engines, errors):
        import network

        on_gpu = self.options.device != "cpu"
        ours = next((engine for engine in engines if engine.name == "lamina"), None)
        # Lamina tells the processor's ceilings, on a GPU the others the device's.
        telling = [engine for engine in engines if (engine.name == "lamina") != on_gpu]
        ceilings = next((e.about for e in telling if "fma_gflops" in e.about), {})
        layers = network.vgg(self.options.model, network.read_safetensors(self.weights))
        flops = 2 * network.macs(layers) * self.batch
        peak = ceilings.get("fma_gflops")
        clock = lambda engine: sorted(engine.gpu_ms if on_gpu else engine.ms)  # noqa: E731
        rows = []
        for engine in engines:
            ms, own = sorted(engine.ms), clock(engine)
            median = statistics.median(own)
            at = lambda p: ms[max(-(-len(ms) * p // 100), 1) - 1]  # noqa: B023,E731
            gflops = flops / median * 1e-6
            rows.append(
                {
                    "engine": engine.name,
                    "device": self.options.device,
                    "precision": self.precision,
                    "threads": self.threads,
                    "batch": self.batch,
                    "n": len(ms),
                    "min_ms": ms[0],
                    "p50_ms": at(50),
                    "p90_ms": at(90),
                    "p99_ms": at(99),
                    "gpu_min_ms": own[0] if on_gpu else None,
                    "gpu_p50_ms": median if on_gpu else None,
                    "images_per_s": 1e3 * self.batch / at(50),
                    "gflops": gflops,
                    "peak_percent": 100 * gflops / peak if peak else None,
                    "load_ms": engine.about["load_ms"],
                    "peak_rss_mib": engine.peak,
                    "max_rel_error": errors[engine.name],
                    "mode": "latency",
                    "model": self.options.model,
                    "size": network.SIZE,
                    "spread_percent": 50 * (at(75) - at(25)) / at(50),
                    "version": engine.about["version"],
                    "isa": self.options.isa,
                    "fma_gflops": peak,
                    "read_gb_per_s": ceilings.get("read_gb_per_s"),
                    "ratio_min": own[0] / clock(ours)[0] if ours else None,
                    "ratio_p50": median / statistics.median(clock(ours)) if ours else None,
                }
            )
        return rows


def note(text, end="\n"):
    if end == "\n" or sys.stderr.isatty():
        print(f"bench_peers: {text}" if text else "", file=sys.stderr, end=end)


def table(rows):
    digits = 1 if rows and rows[0]["device"] == "cpu" else 3
    titles = ["engine", "ms an image", "median", "times ours", "median", "of peak", "error", "MiB"]
    cells = [
        [
            f"{row['engine']} {row['version']}",
            f"{(row['gpu_min_ms'] or row['min_ms']) / row['batch']:.{digits}f}",
            f"{(row['gpu_p50_ms'] or row['p50_ms']) / row['batch']:.{digits}f}",
            f"{row['ratio_min']:.2f}" if row["ratio_min"] else "",
            f"{row['ratio_p50']:.2f}" if row["ratio_p50"] else "",
            f"{row['peak_percent']:.0f} %" if row["peak_percent"] else "",
            f"{row['max_rel_error']:.1e}",
            f"{row['peak_rss_mib']:.0f}",
        ]
        for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(titles, *cells)]
    lines = [titles, ["-" * width for width in widths], *cells]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |"
        for line in lines
    )


def title(job, rows):
    where = f"{job.threads} threads" if job.options.device == "cpu" else job.options.device
    text = f"{job.options.model} {job.precision}, batch {job.batch}, {where}"
    if rows and rows[0]["fma_gflops"]:
        text += f": {rows[0]['fma_gflops']:.0f} GFLOP/s, {rows[0]['read_gb_per_s']:.0f} GB/s"
    return text


def main():
    options = parse_arguments()
    if options.setup:
        return set_up()
    try:
        import numpy  # noqa: F401
    except ImportError:
        fail("this Python has no NumPy", "run it with build/peers/bin/python, made by --setup")
    if not (options.bin / "lamina-bench").exists():
        fail(f"no lamina-bench in {options.bin}", "cmake --build --preset release")
    pythons = interpreters(options)
    with tempfile.TemporaryDirectory(prefix="bench_peers.") as folder:
        init = [options.bin / "lamina-convert", "init", options.model]
        subprocess.run([*init, f"{folder}/weights.safetensors", "-q"], check=True)
        written = open(options.output, "w", encoding="utf-8") if options.output else None
        for precision in options.precision:
            for threads in options.threads:
                for batch in options.batch:
                    job = Job(options, folder, batch, threads, precision, pythons)
                    rows = job.measure()
                    print(f"\n{title(job, rows)}\n")
                    fastest = sorted(rows, key=lambda row: row["gpu_min_ms"] or row["min_ms"])
                    print(table(fastest), flush=True)
                    for row in rows if written else []:
                        written.write(json.dumps(row) + "\n")
                        written.flush()
    return None


main()
