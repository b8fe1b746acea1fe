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


if __name__ == "__main__":
    unittest.main()
