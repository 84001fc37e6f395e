#!/usr/bin/env python3
"""Files of results, and the statistics over them."""

import json
import math
import pathlib
import random
import tempfile
import unittest

import records
import stats
from errors import Usage

RUN = {"kind": "run", "format": 1, "started": "2026-01-01T00:00:00+00:00",
       "describe": {"isa": "avx512", "machine": {}, "compiler": "g++", "flags": ""}}
CASE = {"kind": "case", "line": "a", "candidates": [],
        "case": {"op": "fwd", "dtype": "f32", "b": 1, "n": 2, "nkv": 2, "sq": 64, "skv": 64, "d": 64, "dv": 64}}
TIME = {"kind": "time", "line": "a", "name": "builtin", "cache": "warm", "repetition": 0, "seconds": 0.01, "share": 0.5}


class RecordsTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name) / "results.jsonl"

    def write(self, *lines, end="\n"):
        text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
        self.path.write_bytes(text.encode() + end.encode())

    def refuse(self, number, message):
        with self.assertRaises(Usage) as caught:
            records.read(self.path)
        self.assertTrue(str(caught.exception).startswith(f"{self.path}:{number}: "), caught.exception)
        self.assertIn(message, str(caught.exception))
        before = self.path.read_bytes()
        with self.assertRaises(Usage):
            records.Log(self.path)
        self.assertEqual(self.path.read_bytes(), before)

    def test_what_was_appended_is_read(self):
        log = records.Log(self.path)
        log.append(**RUN)
        log.append(**{**TIME, "name": "a \"quoted\" \n name"})
        log.close()
        self.assertEqual(records.read(self.path), log.records)
        self.assertEqual(len(self.path.read_text().splitlines()), 2)

    def test_a_malformed_line_is_named(self):
        for bad, message in (("{", "Expecting"), ("7", "not a JSON object"), ("", "Expecting"),
                             ('{"kind":"tune"}', "kind 'tune' is not one of"), ('{"kind":[]}', "kind [] is not one of"),
                             ('{"kind":"done","kind":"done"}', "the key 'kind' twice"),
                             ({**TIME, "share": "fast"}, "needs `share`"), ({**TIME, "share": True}, "needs `share`"),
                             ({**TIME, "share": 1e300}, "less than 1000"),
                             ({**TIME, "share": 0}, "must be positive"), ({**TIME, "seconds": -1}, "must be positive"),
                             (json.dumps(TIME).replace("0.5", "NaN"), "NaN"),
                             (json.dumps(TIME).replace("0.5", "1e999"), "needs `share`"),
                             ("[" * 100000, "recursion"),
                             ({**CASE, "candidates": [7]}, "each candidate needs"),
                             ({**CASE, "candidates": [{"name": "a", "kept": True, "model": 7}]}, "each candidate"),
                             ({**CASE, "case": {}}, "`case` needs `op`"),
                             ({**CASE, "case": {**CASE["case"], "d": "64"}}, "`case` needs `d`"),
                             ({**CASE, "case": {**CASE["case"], "op": "fwb"}}, "op 'fwb' is not one of fwd"),
                             ({**CASE, "case": {**CASE["case"], "mode": "3"}}, "`case` needs `mode`"),
                             ({**CASE, "case": {**CASE["case"], "nkv": 0}}, "`nkv` must be 1 or more"),
                             ({**RUN, "describe": {}}, "`describe` needs `isa`"),
                             ({**RUN, "describe": {**RUN["describe"], "probes": {"l1": "x"}}}, "`probes` needs `l1`"),
                             ({**RUN, "describe": {**RUN["describe"], "machine": {"l2": []}}}, "`machine` needs `l2`"),
                             ({"kind": "check", "line": "a", "name": "b", "ok": False, "error": "x"}, "needs `error`"),
                             ({**RUN, "format": 2}, "format 2, this program reads format 1")):
            self.write(RUN, bad, TIME)
            self.refuse(2, message)

    def test_bytes_that_are_no_text(self):
        self.path.write_bytes(json.dumps(RUN).encode() + b"\n\xff\xfe\n")
        self.refuse(2, "utf-8")

    def test_another_file_is_no_file_of_results(self):
        self.write("# Benchmarks", "text")
        self.refuse(1, "Expecting")
        self.write(TIME)
        self.refuse(1, "first record must be of kind run")
        self.write("# no newline", end="")  # the first line is never taken for a torn one: nothing of ours came before
        self.refuse(1, "Expecting")

    def test_empty_and_missing_files(self):
        self.write(end="")
        with self.assertRaisesRegex(Usage, "no records"):
            records.read(self.path)
        with self.assertRaisesRegex(Usage, "No such file"):
            records.read(self.path.with_name("none"))

    def test_every_way_to_tear_the_last_line(self):
        whole = (json.dumps(RUN) + "\n").encode()
        last = json.dumps(TIME).encode()
        for cut in range(1, len(last)):
            self.path.write_bytes(whole + last[:cut])
            self.assertEqual(records.read(self.path), [RUN])
            log = records.Log(self.path)
            log.close()
            self.assertEqual((log.cut, self.path.read_bytes()), (cut, whole))
        self.path.write_bytes(whole + b"\0" * 50)  # what a power cut may leave
        self.assertEqual(records.read(self.path), [RUN])

    def test_a_missing_newline_costs_no_record(self):
        self.write(RUN, TIME, end="")
        log = records.Log(self.path)
        log.append(**{**TIME, "repetition": 1})
        log.close()
        self.assertEqual(log.cut, 0)
        self.assertEqual(len(records.read(self.path)), 3)

    def test_a_record_that_could_not_be_read_is_not_written(self):
        log = records.Log(self.path)
        for share in (math.nan, math.inf, None):
            with self.assertRaises(records.Malformed):
                log.append(**{**TIME, "share": share})
        log.close()
        self.assertEqual(self.path.read_bytes(), b"")


class StatsTest(unittest.TestCase):
    def test_cv(self):
        self.assertAlmostEqual(stats.cv([9, 10, 11]), 0.1)
        self.assertEqual(stats.cv([3]), 0)

    def test_ranks_and_spearman(self):
        self.assertEqual(stats.ranks([10, 30, 20, 20]), [1, 4, 2.5, 2.5])
        self.assertAlmostEqual(stats.spearman([1, 2, 3, 4], [10, 100, 1000, 10000]), 1)
        self.assertAlmostEqual(stats.spearman([1, 2, 3, 4, 5], [2, 1, 4, 3, 5]), 0.8)
        self.assertAlmostEqual(stats.spearman([1, 2, 3], [3, 2, 1]), -1)
        self.assertIsNone(stats.spearman([1, 2], [1, 2]))
        self.assertIsNone(stats.spearman([1, 1, 1], [1, 2, 3]))

    def test_students_t(self):
        for freedom, t in ((4, 2.776), (8, 2.306), (18, 2.101)):
            self.assertAlmostEqual(stats.t_over_normal(0.95, freedom) * 1.95996, t, delta=0.01)

    def test_intervals_hold_what_they_promise(self):
        generator = random.Random(3)
        for count in (3, 5, 10):
            held = 0
            for trial in range(300):
                before, after = ([generator.lognormvariate(mean, 0.03) for _ in range(count)] for mean in (0, 0.1))
                ratio, low, high = stats.ratio_interval(before, after, resamples=400, seed=trial)
                self.assertTrue(low <= ratio <= high)
                held += low <= math.exp(0.1) <= high
            self.assertGreater(held / 300, 0.91, count)
            self.assertLess(held / 300, 0.995, count)

    def test_one_repetition_has_no_interval(self):
        self.assertEqual(stats.ratio_interval([0.5], [0.25, 0.25]), (0.5, None, None))

    def test_a_summary_is_of_the_repetitions(self):
        runs = [{**TIME, "share": share, "seconds": 1 / share} for share in (0.50, 0.52, 0.48)]
        numbers = stats.summarize([RUN, *runs])["a", "builtin", "warm"]
        self.assertEqual(numbers["median_share"], 0.5)
        self.assertAlmostEqual(numbers["cv"], 0.04)
        self.assertEqual((numbers["repetitions"], numbers["noisy"]), (3, False))
        self.assertAlmostEqual(numbers["min_seconds"], 1 / 0.52)
        runs[0]["share"] = 0.8
        self.assertTrue(stats.summarize([RUN, *runs])["a", "builtin", "warm"]["noisy"])

    def test_failures_take_numbers_away_until_a_second_try_succeeds(self):
        error = {"kind": "error", "line": "a", "name": "builtin", "error": {"code": "crashed", "message": ""}}
        self.assertEqual(stats.summarize([RUN, TIME, error]), {})
        self.assertEqual(len(stats.summarize([RUN, TIME, error, {**TIME, "repetition": 1}])), 1)
        wrong = {"kind": "check", "line": "a", "name": "builtin", "ok": False, "error": {"code": "wrong"}}
        self.assertEqual(stats.summarize([RUN, TIME, wrong]), {})


if __name__ == "__main__":
    unittest.main()
