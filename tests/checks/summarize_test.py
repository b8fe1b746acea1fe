#!/usr/bin/env python3
"""The sums that tools/check ends with are true: nothing that did not pass is counted as passed."""
import pathlib
import subprocess
import tempfile
import unittest

SUMMARIZE = pathlib.Path(__file__).resolve().parents[1] / "support" / "summarize"
PASSED = '<testcase name="good" status="run"/>'
FAILED = '<testcase name="bad" status="fail"><failure message=""/><system-out>1 == 2</system-out></testcase>'
SKIPPED = (
    '<testcase name="skip" status="notrun"><skipped message="SKIP_REGULAR_EXPRESSION_MATCHED"/>'
    "<system-out>warning: LAMINA_SKIP: needs avx512\n</system-out></testcase>"
)
NOT_FOUND = '<testcase name="gone" status="notrun"><skipped message="Unable to find executable"/></testcase>'


class Summarize(unittest.TestCase):
    def run_on(self, **files):
        with tempfile.TemporaryDirectory() as folder:
            for name, cases in files.items():
                if cases is not None:
                    pathlib.Path(folder, f"{name}.xml").write_text(f"<testsuite>{cases}</testsuite>")
            run = subprocess.run([SUMMARIZE, folder, *files], capture_output=True, text=True)
        self.assertEqual(run.stderr, "")
        return run.returncode, run.stdout, run.stdout.splitlines()[-1]

    def test_all_passed(self):
        status, _, last = self.run_on(release=PASSED * 3, asan=PASSED)
        self.assertEqual((status, last), (0, "4 passed, 0 failed"))

    def test_failures_are_named_with_their_output(self):
        status, text, last = self.run_on(release=PASSED, asan=FAILED)
        self.assertEqual((status, last), (1, "1 passed, 1 failed"))
        self.assertIn("asan: bad", text)
        self.assertIn("1 == 2", text)

    def test_skips_are_counted_with_their_reason(self):
        status, text, last = self.run_on(release=PASSED + SKIPPED)
        self.assertEqual((status, last), (0, "1 passed, 0 failed, 1 skipped"))
        self.assertIn("needs avx512", text)

    def test_a_test_that_could_not_run_failed(self):
        status, _, last = self.run_on(release=PASSED + NOT_FOUND)
        self.assertEqual((status, last), (1, "1 passed, 1 failed"))

    def test_a_build_that_broke_failed(self):
        status, text, last = self.run_on(release=PASSED, tsan=None)
        self.assertEqual((status, last), (1, "1 passed, 1 failed"))
        self.assertIn("tsan: build", text)

    def test_no_test_at_all_is_no_success(self):
        self.assertEqual(self.run_on(release="")[0], 1)


if __name__ == "__main__":
    unittest.main()
