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

CONTEXT = {"cpu_model": "Imagined", "usable_cpus": "2", "isa": "avx512", "bf16_dot": "yes", "int8_dot": "yes",
           "compiler": "g++ 12.2.0 (x)", "flags": "-O2"}


DECODE = {"bytes_per_second": 2e10, "read_bytes_per_second": 2.5e10, "share_of_read": 0.8, "share_of_roof": 0.8,
          "share_of_fma": 0.4, "paged_over_plain": 1.0}


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
            usual = DECODE if name.startswith("decode/") else {"share_of_peak": 0.5}
            row = rows.setdefault((name, isa), {"label": label, **usual})
            # Where a row is in several classes it reaches them all.
            row[target["counter"]] = max(target["target"] * target["published"], row.get(target["counter"], 0))
            if target["counter"] == "share_of_read":
                row["share_of_roof"] = target["target"]
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

    def test_without_the_dot_product_of_bytes_their_shares_are_not_judged(self):
        rows = all_reached()
        rows["prefill/int8/BNSD/to_f16/P2", "avx512"].update(label="avx512 fma", share_of_peak=0.5)
        status, out = self.report(self.write(rows, context={**CONTEXT, "int8_dot": "no"}))
        self.assertEqual(status, 0, out)
        self.assertIn("no int8 dot product here", out)
        self.assertEqual(self.report(self.write(rows))[0], 1)

    def test_chunks_and_ragged_prompts_have_a_table_of_their_own(self):
        rows = all_reached()
        rows["prefill/chunk/BNSD/f32/512x4096/paged_16_head_major", "avx512"]["paged_over_plain"] = 1.051
        status, out = self.report(self.write(rows))
        self.assertEqual(status, 1)
        self.assertIn("SHORT  prefill/chunk/BNSD/f32/512x4096/paged_16_head_major: 1.051, target <= 1.050", out)
        self.assertRegex(out, r"\| chunk/BNSD/f32/512x4096/paged_16_head_major +\| avx512 .*paged_over_plain 1\.051")
        self.assertRegex(out, r"\| ragged/TND/bf16/100_to_2000 +\| .*ragged_over_dense 1\.050")
        self.assertNotRegex(out, r"\| score/BNSD/f32/P1 +\| avx512 ")
        self.assertRegex(self.report("--all", self.write(rows))[1], r"\| score/BNSD/f32/P1 +\| avx512 ")

    def test_the_gradient_is_held_against_published_shares(self):
        rows = all_reached()
        name = "gradient/score/BNSD/f32/T2"
        status, out = self.report(self.write(rows))
        self.assertEqual(status, 0, out)
        self.assertRegex(out, r"share over PyTorch's +\| 1\.60 x +\| 1\.96 x +\| 1\.96 x to 1\.96 x +\| gradient/.*/T1 ")
        self.assertRegex(out, r"\| gradient/score/BNSD/f32/T2 +\| avx512 +\| fma ")
        rows[name, "avx512"]["share_of_peak"] = 0.89
        status, out = self.report(self.write(rows))
        self.assertEqual(status, 1)
        self.assertIn(f"SHORT  {name}: 89.0 %, target 92.0 %", out)
        self.assertIn(f"SHORT  {name}: 1.53 x, target 1.60 x", out)

    def test_decode_has_a_table_of_its_own(self):
        rows = all_reached()
        rows["decode/incre/BNSD/bf16/D1", "avx512"]["run_time_over_typed"] = 1.01
        rows["decode/eigen/bf16/D1", "avx512"] = {"label": "avx512 fma", **DECODE}
        rows["decode/incre/BNSD/bf16/KV256_G1/in_cache", "avx512"] = {"label": "avx512 bf16_dot", **DECODE}
        file = self.write(rows)
        status, out = self.report(file)
        self.assertEqual(status, 0, out)
        self.assertRegex(out, r"bf16/D1 +\| 20\.0 +\| 25\.0 +\| 95\.0 % +\| 95\.0 % +\| 40\.0 % .*1\.010.* \| ok ")
        self.assertRegex(out, r"decode/eigen/bf16/D1 +\| 20\.0 ")
        self.assertNotIn("in_cache", out)
        self.assertIn("in_cache", self.report("--all", file)[1])

    def test_a_short_share_of_the_read_loop_fails(self):
        for name, short in (("decode/incre/BNSD/f16/D3", 0.92), ("decode/incre/BNSD/int8/D4", 0.77),
                            ("decode/incre/BNSD/f32/G8", 0.89)):
            rows = all_reached()
            rows[name, "avx512"].update(share_of_read=short, share_of_roof=short)
            status, out = self.report(self.write(rows))
            self.assertEqual(status, 1)
            self.assertIn(f"SHORT  {name}: ", out)
            self.assertRegex(out, r"\| short ")

    def test_a_floor_below_the_target_is_enough_and_said(self):
        rows = all_reached()
        rows["decode/incre/BNSD/f32/G8", "avx512"].update(share_of_read=0.901, share_of_roof=0.901)
        status, out = self.report(self.write(rows))
        self.assertEqual(status, 0, out)
        self.assertIn("above the floor", out)

    def test_arithmetic_excuses_only_who_reaches_its_roof(self):
        name = "decode/incre/BNSD/f32/G8"
        for roof, expected in ((0.96, 0), (0.85, 1)):
            rows = all_reached()
            rows[name, "avx512"].update(share_of_read=0.6, share_of_roof=roof)
            status, out = self.report(self.write(rows))
            self.assertEqual(status, expected, out)
            self.assertEqual("1 at the arithmetic's roof" in out, expected == 0)

    def test_pages_that_cost_more_than_three_percent_fail(self):
        rows = all_reached()
        rows["decode/incre/BNSD/int8/D2/paged_16_head_major", "avx512"]["paged_over_plain"] = 1.04
        status, out = self.report(self.write(rows))
        self.assertEqual(status, 1)
        self.assertIn("SHORT  decode/incre/BNSD/int8/D2/paged_16_head_major: 1.040, target <= 1.030", out)

    def test_builds_side_by_side(self):
        file = self.write(all_reached())
        status, out = self.report("--matrix", f"g++ -O2={file}", f"clang++ -O2={file}")
        self.assertEqual(status, 0)
        self.assertRegex(out, r"score/BNSD/f32/P1 +\| 93\.0 % +\| 93\.0 %")

    def plot(self, rows):
        file, svg = self.write(rows), self.path / "plot.svg"
        with mock.patch.object(sys, "argv", ["plot.py", str(svg), file]):
            plot.main()
        return svg.read_text()

    def test_the_plot_shows_every_workload(self):
        svg = self.plot({key: row for key, row in all_reached().items() if key[0].startswith("prefill/")})
        for text in ("P1", "P5", "glint f32", "glint int8", ">93<", ">83<", "Imagined"):
            self.assertIn(text, svg)
        self.assertNotIn("PyTorch", svg)

    def test_the_plot_of_the_gradient_shows_what_was_published(self):
        svg = self.plot({key: row for key, row in all_reached().items() if key[0].startswith("gradient/")})
        for text in ("T1", "short", "glint f32", ">92<", ">78<", "PyTorch f32", 'class="published"', "Imagined"):
            self.assertIn(text, svg)

    def test_the_plot_of_decode_shows_gigabytes_and_the_read_loop(self):
        svg = self.plot({key: row for key, row in all_reached().items() if key[0].startswith("decode/")})
        for text in ("D1", "D4", "glint f32", ">20.0<", "read loop", "25.0 GB/s", "Imagined"):
            self.assertIn(text, svg)


class NamesTest(unittest.TestCase):
    def test_suffixes_of_google_benchmark_are_cut_off(self):
        self.assertEqual(row_name("prefill/score/BNSD/f32/P1/threads_2/iterations:12/repeats:3/manual_time"),
                         "prefill/score/BNSD/f32/P1/threads_2")

    def test_braces(self):
        self.assertEqual(expand("a/{b,c}/{d,e/f}"), ["a/b/d", "a/b/e/f", "a/c/d", "a/c/e/f"])


if __name__ == "__main__":
    unittest.main()
