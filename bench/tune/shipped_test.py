#!/usr/bin/env python3
"""shipped_test.py WORKER: the workloads and the front end with the true worker.  What it measures means nothing."""

import sys
import unittest

import cases
from test_support import FrontTest, records_of, times_of

WORKER = sys.argv.pop(1) if len(sys.argv) > 1 else ""
QUICK = ("--keep", 1, "--repetitions", 3, "--seconds", 0.005)


class ShippedTest(FrontTest):
    def test_from_a_sweep_to_a_table_that_is_verified(self):
        self.glint_tune("run", "--worker", WORKER, "--workload", "smoke", "--out", self.out, *QUICK)
        records = records_of(self.out)
        self.assertTrue(all(record["ok"] for record in records if record["kind"] == "check"))
        self.assertFalse([record for record in records if record["kind"] == "error"])
        ops = {record["case"]["op"] for record in records if record["kind"] == "case"}
        self.assertEqual(ops, {"fwd", "bwd", "incre"})
        for line in cases.load_workloads()["smoke"]["cases"]:
            names = {record["name"] for record in times_of(records) if record["line"] == line}
            self.assertIn("builtin", names)
            self.assertIn(len(names), (2, 3), line)  # and what the model likes best, and the control
        table = self.path / "t.hpp"
        self.glint_tune("export", self.out, "-o", table)
        # On a busy machine a choice may well look slow: that is an answer, too.
        self.glint_tune("verify", table, "--worker", WORKER, "--workload", "smoke", *QUICK[2:], status=(0, 1))

    def test_the_worker_takes_every_line_that_is_shipped(self):
        names = [word for name in cases.load_workloads() for word in ("--workload", name)]
        out, _ = self.glint_tune("plan", "--worker", WORKER, *names)
        self.assertNotIn("skipped", out)
        lines = {line for workload in cases.load_workloads().values() for line in workload["cases"]}
        for line in lines:
            self.assertIn(f": {line}\n", out)


if __name__ == "__main__":
    unittest.main()
