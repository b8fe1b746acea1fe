"""One engine in a process of its own: worker.py ENGINE ARCH WEIGHTS IMAGES LOGITS THREADS PRECISION.

Runs once and writes the logits, prints {"version", "load_ms"}; then for each line of stdin, a number
of seconds, runs so long and prints {"ms", "gpu_ms", "peak_rss_mib"}: as `lamina-bench turns` does.
"""

import json
import os
import resource
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import numpy as np  # noqa: E402

import engines  # noqa: E402
import network  # noqa: E402


def main():
    name, arch, weights, images_path, logits_path, threads, precision = sys.argv[1:]
    say = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # engines print on stdout
    layers = network.vgg(arch, network.read_safetensors(weights))
    images = np.load(images_path)
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        try:
            engine = engines.ENGINES[name][0](layers, images, int(threads), precision, folder)
        except engines.Unsupported as error:
            print(json.dumps({"unsupported": str(error)}), file=say, flush=True)
            return
        logits = engine.run()
        load_ms = 1e3 * (time.perf_counter() - begin)
    np.save(logits_path, np.asarray(logits, np.float32))
    about = {"version": engine.version, "load_ms": load_ms, **getattr(engine, "peaks", {})}
    print(json.dumps(about), file=say, flush=True)
    for line in sys.stdin:
        ms, gpu_ms, begin = [], [], time.perf_counter()
        while not ms or time.perf_counter() - begin < float(line):
            before = time.perf_counter()
            engine.run()
            ms.append(1e3 * (time.perf_counter() - before))
            gpu_ms.append(getattr(engine, "gpu_ms", 0))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        answer = {"ms": ms, "gpu_ms": gpu_ms, "peak_rss_mib": peak}
        print(json.dumps(answer), file=say, flush=True)


main()
