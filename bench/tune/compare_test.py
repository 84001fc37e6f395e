#!/usr/bin/env python3
"""Two files of results side by side: what is a regression, and what is none."""

import argparse
import io
import unittest

import compare
from errors import Usage
from test_support import BWD, FWD, FrontTest, results

BEST, SAME, WORSE = "flash/64x64x1/4x4", "flash/64x192x4/4x4", "flash/32x128x4/4x4"


class CompareTest(unittest.TestCase):
    def compare(self, before, after, **how):
        out = io.StringIO()
        arguments = argparse.Namespace(**{"threshold": 0.05, "confidence": 0.95, "picture": None, **how})
        return compare.run(before, after, arguments, out), out.getvalue()

    def test_verdicts(self):
        before = results({FWD: {"builtin": 0.5, BEST: 0.5, SAME: 0.5, WORSE: 0.5}})
        status, out = self.compare(before, results({FWD: {"builtin": 0.5, BEST: 0.6, SAME: 0.49, WORSE: 0.4}}))
        self.assertEqual(status, 1)
        for name, verdict in (("builtin", "same"), (BEST, "faster"), (SAME, "same"), (WORSE, "SLOWER")):
            self.assertRegex(out, rf"{name} .* {verdict}\n")
        self.assertIn("1 slower", out)
        self.assertEqual(self.compare(before, before)[0], 0)

    def test_the_threshold(self):
        before, after = results({FWD: {"builtin": 0.5}}), results({FWD: {"builtin": 0.46}})
        self.assertEqual(self.compare(before, after)[0], 1)
        self.assertEqual(self.compare(before, after, threshold=0.1)[0], 0)

    def test_a_regression_within_the_scatter_is_none(self):
        before, after = (results({FWD: {"builtin": share}}, spread=0.05) for share in (0.5, 0.45))
        status, out = self.compare(before, after)
        self.assertEqual(status, 0)
        self.assertRegex(out, "not sure|maybe slower")

    def test_one_repetition_proves_nothing(self):
        status, out = self.compare(results({FWD: {"builtin": 0.5}}, repetitions=1), results({FWD: {"builtin": 0.1}}))
        self.assertEqual(status, 0)
        self.assertIn("one repetition: not known", out)

    def test_what_breaks_is_a_regression(self):
        before = results({FWD: {"builtin": 0.5, BEST: 0.5}})
        error = {"kind": "error", "line": FWD, "name": BEST, "error": {"code": "crashed", "message": "SIGSEGV"}}
        status, out = self.compare(before, before + [error])
        self.assertEqual(status, 1)
        self.assertRegex(out, rf"BROKEN .*{BEST}: crashed: SIGSEGV")

    def test_what_is_on_one_side_only_is_told(self):
        status, out = self.compare(results({FWD: {"builtin": 0.5, BEST: 0.5}}), results({FWD: {"builtin": 0.5}}))
        self.assertEqual(status, 0)
        self.assertRegex(out, f"only before: .*{BEST}")
        with self.assertRaisesRegex(Usage, "no measurement in common"):
            self.compare(results({FWD: {"builtin": 0.5}}), results({BWD: {"builtin": 0.5}}))


class CommandTest(FrontTest):
    def test_compare_refuses_two_machines_unless_told(self):
        self.sweep("--repetitions", 3)
        first, self.out = self.out, self.path / "second.jsonl"
        self.tell(describe={"compiler": "clang++ 14"})
        self.sweep("--repetitions", 3)
        _, err = self.glint_tune("compare", first, self.out, status=2)
        self.assertIn("compiler was 'g++ 12.2.0', is 'clang++ 14'", err)
        out, _ = self.glint_tune("compare", first, self.out, "--across-machines")
        self.assertIn("No regression.", out)
        self.glint_tune("compare", first, self.path / "none", status=2)
        for threshold in ("1", "-0.1", "nan"):
            self.glint_tune("compare", first, first, "--threshold", threshold, status=2)
        self.glint_tune("compare", first, first, "--threshold", "0.99")


if __name__ == "__main__":
    unittest.main()
