#!/usr/bin/env python3
"""Tests of report.py, results.py and plot.py on made-up results."""

import contextlib
import io
import json
import pathlib
import sys
import tempfile
import unittest
from unittest import mock

import plot
import report
from results import expand, load_targets, row_name

CONTEXT = {"cpu_model": "Imagined", "usable_cpus": "2", "isa": "avx512", "bf16_dot": "yes",
           "compiler": "g++ 12.2.0 (x)", "flags": "-O2"}


def runs(name, label, values, repetitions=3):
    run = {"name": f"{name}/iterations:4/manual_time", "run_type": "iteration", "label": label, "useful_flops": 1e11}
    return [{**run, **values} for _ in range(repetitions)]


def all_reached():
    """Rows that just reach every target, by (name, isa)."""
    rows = {}
    for target in load_targets():
        isa = target.get("isa", "avx512")
        for name in target["names"]:
            label = f"{isa} {target.get('peak', 'fma')}"
            row = rows.setdefault((name, isa), {"label": label, "share_of_peak": 0.5})
            row[target["counter"]] = target["target"]
    return rows


class ReportTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name)

    def write(self, rows, extra=(), context=None):
        benchmarks = [run for (name, _), row in rows.items() for run in
                      runs(name, row["label"], {key: value for key, value in row.items() if key != "label"})]
        file = self.path / "results.json"
        file.write_text(json.dumps({"context": context or CONTEXT, "benchmarks": benchmarks + list(extra)}))
        return str(file)

    def report(self, *arguments):
        with mock.patch.object(sys, "argv", ["report.py", *arguments]):
            with contextlib.redirect_stdout(io.StringIO()) as out:
                status = report.main()
        return status, out.getvalue()

    def test_reached_targets_pass(self):
        status, out = self.report(self.write(all_reached()))
        self.assertEqual(status, 0, out)
        self.assertIn("No target is missed", out)
        self.assertNotIn("SHORT", out)

    def test_a_row_below_its_target_fails_and_is_named(self):
        rows = all_reached()
        rows["prefill/prompt/BNSD/f32/P3", "avx512"]["share_of_peak"] = 0.85
        status, out = self.report(self.write(rows))
        self.assertEqual(status, 1)
        self.assertIn("SHORT  prefill/prompt/BNSD/f32/P3: 85.0 %, target 93.0 %", out)
        self.assertNotIn("SHORT  prefill/score", out)

    def test_two_points_are_forgiven_and_said(self):
        rows = all_reached()
        rows["prefill/score/BNSD/f32/P4", "avx512"]["share_of_peak"] = 0.88 - 0.019
        status, out = self.report(self.write(rows))
        self.assertEqual(status, 0, out)
        self.assertIn("within two points", out)

    def test_one_bad_repetition_of_three_does_not_count(self):
        bad = runs("prefill/score/BNSD/f32/P1", "avx512 fma", {"share_of_peak": 0.1, "run_time_over_typed": 9}, 1)
        self.assertEqual(self.report(self.write(all_reached(), bad))[0], 0)

    def test_ratios_have_their_own_direction(self):
        for name, counter, value in (("prefill/score/BNSD/f32/P2", "run_time_over_typed", 1.03),
                                     ("prefill/score/BNSD/f32/P2/threads_2", "times_one_thread", 1.7)):
            rows = all_reached()
            rows[name, "avx512"][counter] = value
            status, out = self.report(self.write(rows))
            self.assertEqual(status, 1)
            self.assertIn(f"SHORT  {name}: ", out)

    def test_the_avx2_run_is_judged_by_itself(self):
        rows = all_reached()
        rows["prefill/score/BNSD/f32/P5", "avx2"]["share_of_peak"] = 0.6
        status, out = self.report(self.write(rows))
        self.assertEqual(status, 1)
        self.assertIn("SHORT  prefill/score/BNSD/f32/P5 (avx2): 60.0 %, target 89.0 %", out)

    def test_a_missing_row_fails_unless_partial(self):
        rows = all_reached()
        del rows["prefill/score/TND/f32/P4", "avx512"]
        file = self.write(rows)
        status, out = self.report(file)
        self.assertEqual(status, 1)
        self.assertIn("NOT MEASURED  prefill/score/TND/f32/P4", out)
        self.assertEqual(self.report("--partial", file)[0], 0)

    def test_an_error_fails_even_partially(self):
        error = {"name": "prefill/score/BNSD/f32/P1/manual_time", "run_type": "iteration", "error_occurred": True,
                 "error_message": "the output is wrong"}
        status, out = self.report("--partial", self.write(all_reached(), [error]))
        self.assertEqual(status, 1)
        self.assertIn("ERROR  prefill/score/BNSD/f32/P1: the output is wrong", out)

    def test_nothing_measured_fails(self):
        self.assertEqual(self.report("--partial", self.write({}))[0], 1)

    def test_what_the_machine_lacks_is_no_fault(self):
        rows = {key: row for key, row in all_reached().items()
                if "threads_2" not in key[0] and row["label"] != "avx512 bf16_dot"}
        status, out = self.report(self.write(rows, context={**CONTEXT, "usable_cpus": "1", "bf16_dot": "no"}))
        self.assertEqual(status, 0, out)
        self.assertIn("needs two CPUs", out)
        self.assertIn("no bf16 dot product here", out)

    def test_builds_side_by_side(self):
        file = self.write(all_reached())
        status, out = self.report("--matrix", f"g++ -O2={file}", f"clang++ -O2={file}")
        self.assertEqual(status, 0)
        self.assertRegex(out, r"score/BNSD/f32/P1 +\| 93\.0 % +\| 93\.0 %")

    def test_the_plot_shows_every_workload(self):
        file, svg = self.write(all_reached()), self.path / "plot.svg"
        with mock.patch.object(sys, "argv", ["plot.py", str(svg), file]):
            plot.main()
        for text in ("P1", "P5", "glint f32", ">93<", "Imagined"):
            self.assertIn(text, svg.read_text())


class NamesTest(unittest.TestCase):
    def test_suffixes_of_google_benchmark_are_cut_off(self):
        self.assertEqual(row_name("prefill/score/BNSD/f32/P1/threads_2/iterations:12/repeats:3/manual_time"),
                         "prefill/score/BNSD/f32/P1/threads_2")

    def test_braces(self):
        self.assertEqual(expand("a/{b,c}/{d,e/f}"), ["a/b/d", "a/b/e/f", "a/c/d", "a/c/e/f"])


if __name__ == "__main__":
    unittest.main()
