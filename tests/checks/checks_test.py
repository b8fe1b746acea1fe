#!/usr/bin/env python3
"""The checks of the repository find what they are for: each test plants one fault in an empty tree."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

TOOLS = pathlib.Path(__file__).resolve().parents[2] / "tools"


class Planted(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def plant(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def run_check(self, name):
        run = subprocess.run([sys.executable, TOOLS / name, self.root], capture_output=True, text=True)
        self.assertEqual(run.stderr, "")
        return run.returncode, run.stdout

    def includes(self, path, line):
        self.plant(path, f"#pragma once\n{line}\n")
        return self.run_check("check_includes")

    def refused(self, path, line, why):
        status, output = self.includes(path, line)
        self.assertEqual(status, 1, f"{line} in {path}")
        self.assertIn(f"{path}:2:", output)
        self.assertIn(why, output)

    def allowed(self, path, line):
        self.assertEqual(self.includes(path, line), (0, ""), f"{line} in {path}")


class Includes(Planted):
    def test_folders_below_are_allowed(self):
        self.allowed("nn/a.cpp", '#include "kernels/conv2d.h"')
        self.allowed("models/a.cpp", "#include <lamina/nn/module.h>")
        self.allowed("tools/a.cpp", "#include <lamina/lamina.h>")
        self.allowed("tests/nn/a.cpp", '#include "nn/session/plan.h"')
        self.allowed("include/lamina/lamina.h", "#include <lamina/models/vgg.h>")

    def test_folders_beside_and_above_are_not(self):
        self.refused("core/a.cpp", '#include "nn/module.h"', "core/ may not include nn/")
        self.refused("nn/a.h", "#include <lamina/serialization/load.h>", "may not include serialization/")
        self.refused("vision/a.cpp", '  #  include "tools/x.h"', "may not include tools/")
        self.refused("models/a.cpp", "#include <lamina/lamina.h>", "may not include lamina/")

    def test_public_headers_count_as_their_folder(self):
        self.refused("include/lamina/core/a.h", "#include <lamina/nn/module.h>", "may not include nn/")

    def test_public_headers_hold_only_what_users_have(self):
        why = "only <lamina/...>"
        self.allowed("include/lamina/core/a.h", "#include <string_view>")
        for line in ('#include "core/storage.h"', "#include <fmt/format.h>", "#include <unistd.h>"):
            self.refused("include/lamina/core/a.h", line, why)

    def test_kernels_know_no_tensors(self):
        self.allowed("kernels/a.h", "#include <lamina/core/dtype.h>")
        self.refused("kernels/a.h", "#include <lamina/core/tensor.h>", "no tensors")

    def test_json_stays_in_sources(self):
        self.allowed("serialization/a.cpp", "#include <nlohmann/json.hpp>")
        self.refused("serialization/a.h", "#include <nlohmann/json_fwd.hpp>", "nlohmann")

    def test_cuda_stays_in_its_folder(self):
        self.allowed("kernels/cuda/a.cu", "#include <cuda_runtime.h>")
        self.refused("nn/a.cpp", "#include <cuda_runtime.h>", "kernels/cuda")

    def test_python_sees_what_is_public(self):
        self.allowed("python/src/a.cpp", "#include <lamina/nn/session.h>")
        self.allowed("python/src/a.cpp", '#include "python/src/arrays.h"')
        self.refused("python/src/a.cpp", '#include "nn/input.h"', "public headers only")

    def test_paths_begin_at_the_root(self):
        self.plant("nn/b.h", "")
        self.refused("nn/a.h", '#include "b.h"', "from the root")


class Links(Planted):
    def test_links_that_lead_somewhere_are_fine(self):
        self.plant("docs/b.md", "# A title, with `code`\n")
        self.plant("docs/a.md", "[b](b.md) [t](b.md#a-title-with-code) [web](https://example.org/x)\n")
        self.assertEqual(self.run_check("check_links"), (0, ""))

    def test_a_link_to_nothing_is_found(self):
        self.plant("docs/a.md", "[b](b.md)\n")
        self.assertEqual(self.run_check("check_links")[0], 1)

    def test_a_link_to_a_missing_heading_is_found(self):
        self.plant("docs/b.md", "# Title\n")
        self.plant("docs/a.md", "[b](b.md#other)\n")
        self.assertEqual(self.run_check("check_links")[0], 1)

    def test_a_path_of_one_machine_is_found(self):
        self.plant("a.cpp", 'open("/ho' + 'me/someone/model");\n')
        status, output = self.run_check("check_links")
        self.assertEqual(status, 1)
        self.assertIn("someone", output)


class Cuda(Planted):
    """check_cuda with a compiler that only says what ptxas would."""

    def ptxas(self, *entries):
        lines = []
        for mangled, registers, spills in entries:
            lines += [
                f"ptxas info    : Compiling entry function '{mangled}' for 'sm_90a'",
                f"ptxas info    : Function properties for {mangled}",
                f"    0 bytes stack frame, {spills} bytes spill stores, {spills} bytes spill loads",
                f"ptxas info    : Used {registers} registers, used 1 barriers, 1024 bytes smem",
            ]
        text = "\n".join(lines)
        self.plant("nvcc", f"#!/bin/sh\ncat >&2 <<'END'\n{text}\nEND\n")
        (self.root / "nvcc").chmod(0o755)
        self.plant("kernels/cuda/a.cu", "__global__ void relu();")

    def verdict(self, limits):
        self.plant("kernels/cuda/ptxas_limits.txt", limits)
        # Without ccache in the way: it would look for a real compiler.
        environment = {"PATH": "/usr/bin:/bin", "NVCC": str(self.root / "nvcc"), "CCACHE_DISABLE": "1"}
        run = subprocess.run([sys.executable, TOOLS / "check_cuda", self.root], capture_output=True,
                             text=True, env=environment)
        return run.returncode, run.stdout + run.stderr

    RELU = "_ZN6lamina7kernels4cuda8hardware4reluILi4EEEvPfi"  # relu<4>(float*, int)

    def test_a_kernel_within_its_line_passes(self):
        self.ptxas((self.RELU, 32, 0))
        self.assertEqual(self.verdict("relu<4> sm_90a 32 1024 0\n")[0], 0)
        self.assertEqual(self.verdict("# all of them\nrelu<*> * 40 2048 0\n")[0], 0)

    def test_a_kernel_over_its_line_fails(self):
        self.ptxas((self.RELU, 33, 0))
        status, output = self.verdict("relu<4> sm_90a 32 512 0\n")
        self.assertEqual(status, 1)
        self.assertIn("FAILED: 33 registers, at most 32; 1024 shared, at most 512", output)

    def test_a_spill_fails_whatever_the_line_says(self):
        self.ptxas((self.RELU, 32, 8))
        status, output = self.verdict("relu<4> sm_90a 255 65536 4096\n")
        self.assertEqual(status, 1)
        self.assertIn("16 spills, at most 0", output)

    def test_a_kernel_without_a_line_and_a_line_without_a_kernel_fail(self):
        self.ptxas((self.RELU, 32, 0))
        status, output = self.verdict("gemm sm_90a 32 1024 0\n")
        self.assertEqual(status, 1)
        self.assertIn("has no line in ptxas_limits.txt", output)
        self.assertIn("ptxas_limits.txt:1: no kernel is gemm sm_90a", output)


if __name__ == "__main__":
    unittest.main()
