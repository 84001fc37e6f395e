#!/usr/bin/env python3
"""Sweeps with a worker that measures nothing: what is done, in which order, what is written down."""

import io
import pathlib
import subprocess
import unittest

import cases
import main
import progress
import records
from shape import Shape
from test_support import BWD, FAKE, FWD, INCRE, FrontTest, times_of

ROOT = pathlib.Path(__file__).resolve().parents[2]
CANDIDATES = {"builtin", "flash/64x128x4/4x4", "flash/64x64x1/4x4", "flash/32x128x4/4x4", "flash/64x192x4/4x4"}


class SweepTest(FrontTest):
    def test_everything_is_checked_and_timed_as_often_as_asked(self):
        _, _, records = self.sweep("--no-prune", "--cache", "warm,cold", "--repetitions", 3, lines=(FWD, BWD))
        self.assertEqual(records[0]["kind"], "run")
        self.assertEqual(records[0]["describe"]["machine"]["cpu_model"], "Imagined")
        self.assertEqual({record["line"] for record in records if record["kind"] == "case"}, {FWD, BWD})
        self.assertEqual(sum(record["kind"] == "check" for record in records), 5 + 3)
        for name in CANDIDATES:
            for cache in ("warm", "cold"):
                runs = [run for run in times_of(records, name) if run["line"] == FWD and run["cache"] == cache]
                self.assertEqual([run["repetition"] for run in runs], [0, 1, 2], (name, cache))
        self.assertEqual({(record["line"], record["cache"]) for record in records if record["kind"] == "done"},
                         {(FWD, "warm"), (FWD, "cold"), (BWD, "warm"), (BWD, "cold")})

    def test_no_candidate_is_timed_before_its_check(self):
        _, _, records = self.sweep("--no-prune", "--repetitions", 2)
        checked = set()
        for record in records:
            if record["kind"] == "check":
                checked.add(record["name"])
            elif record["kind"] == "time":
                self.assertIn(record["name"], checked)

    def test_repetitions_are_rounds_in_random_order(self):
        _, _, records = self.sweep("--no-prune", "--repetitions", 4)
        names = [run["name"] for run in times_of(records)]
        rounds = [names[i:i + 5] for i in range(0, 20, 5)]
        for each in rounds:
            self.assertEqual(set(each), CANDIDATES)
        self.assertGreater(len({tuple(each) for each in rounds}), 1)

    def test_the_seed_is_the_order(self):
        orders = []
        for seed in (7, 7, 8):
            self.out.unlink(missing_ok=True)
            _, _, records = self.sweep("--no-prune", "--repetitions", 3, "--seed", seed)
            orders.append([run["name"] for run in times_of(records)])
        self.assertEqual(orders[0], orders[1])
        self.assertNotEqual(orders[0], orders[2])

    def test_candidates_that_are_asked_for(self):
        asked = "flash/64x192x4/4x4"
        _, _, records = self.sweep("--candidate", asked, "--repetitions", 2)
        self.assertEqual({run["name"] for run in times_of(records)}, {"builtin", asked})
        _, _, records = self.sweep("--candidate", "split/2048", "--repetitions", 2, lines=(INCRE,))
        self.assertEqual({run["name"] for run in times_of(records) if run["line"] == INCRE},
                         {"builtin", "split/1024", "split/2048"}, "with the built-in choice by another name")
        _, err = self.glint_tune(*self.sweep_words("--candidate", "flash/1x2x3/4x4"), status=2)
        self.assertIn("none of that name", err)

    def test_what_scatters_gets_twice_the_rounds_and_is_refused(self):
        self.tell(noise={"flash/64x64x1/4x4": 0.5})
        out, _, records = self.sweep("--no-prune", "--repetitions", 3)
        self.assertEqual(len(times_of(records, "flash/64x64x1/4x4")), 6)
        self.assertEqual(len(times_of(records, "flash/64x192x4/4x4")), 3)
        self.assertRegex(out, r"Refused(?s:.*)flash/64x64x1/4x4")

    def test_pruning_keeps_the_incumbent_and_says_why(self):
        _, _, records = self.sweep("--keep", 1, "--repetitions", 1)
        case = next(record for record in records if record["kind"] == "case")
        kept = {each["name"] for each in case["candidates"] if each["kept"]}
        self.assertEqual({run["name"] for run in times_of(records)}, kept)
        self.assertIn("builtin", kept)
        self.assertEqual(len(kept), 2)
        self.assertTrue(all(each["why"] for each in case["candidates"]))

    def test_what_one_case_keeps_is_measured_in_all_of_its_class(self):
        lines = (FWD, "op=fwd dtype=f32 n=2 sq=40 d=48", "op=fwd dtype=f32 n=2 sq=256 d=256")
        _, _, records = self.sweep("--keep", 1, "--repetitions", 1, lines=lines)
        kept = {record["line"]: {each["name"] for each in record["candidates"] if each["kept"]}
                for record in records if record["kind"] == "case"}
        self.assertEqual(kept[lines[0]], kept[lines[1]])
        self.assertEqual(len(kept[lines[2]]), 2)

    def test_a_provider_is_a_candidate(self):
        library = self.path / "mine.so"
        library.touch()
        _, _, records = self.sweep("--keep", 1, "--repetitions", 1, "--provider", library)
        self.assertEqual(len(times_of(records, "provider:mine.so")), 1)
        self.glint_tune(*self.sweep_words("--provider", self.path / "none.so"), status=2)

    def test_a_short_budget_gives_every_case_something(self):
        self.tell(seconds=2)  # a round of any two cases takes longer than the budget
        out, _, records = self.sweep("--no-prune", "--budget", 8, "--repetitions", 50, lines=(FWD, BWD, INCRE))
        self.assertEqual({run["line"] for run in times_of(records)}, {FWD, BWD, INCRE})
        self.assertIn("The time is up; not complete", out)
        self.assertRegex(out, r"fwd f32 \S+ \S+ \S+ \S+: \d+ measurements left")
        self.assertTrue(times_of(records, "builtin"))

    def test_filters(self):
        half = FWD.replace("f32", "f16")
        _, _, records = self.sweep("--repetitions", 1, "--op", "fwd", "--dtype", "f32,bf16", lines=(FWD, half, BWD))
        self.assertEqual({run["line"] for run in times_of(records)}, {FWD})
        _, err = self.glint_tune(*self.sweep_words("--op", "prompt"), status=2)
        self.assertIn("no case has", err)

    def test_equal_cases_are_measured_once(self):
        _, _, records = self.sweep("--repetitions", 1, "--no-prune", lines=(FWD, "  " + FWD.replace(" ", "  ")))
        self.assertEqual(len(times_of(records)), 5)


class PlanTest(FrontTest):
    def test_plan_measures_nothing_and_says_why(self):
        log = self.path / "log"
        self.tell(log=str(log))
        out, _ = self.glint_tune("plan", "--worker", FAKE, "--case", FWD, "--keep", 1)
        self.assertRegex(out, r"time +builtin")
        self.assertRegex(out, r"prune +flash/\S+ +\S+ % +\S+")
        self.assertRegex(out, r"About \d+ s")
        self.assertEqual({line.split()[2] for line in log.read_text().splitlines()}, {"start", "quit"})

    def test_plan_of_a_bad_case(self):
        out, err = self.glint_tune("plan", "--worker", FAKE, "--case", "op=fwd dtype=f32", status=2)
        self.assertIn("skipped: bad_case", out)
        self.assertIn("--case", err)


class DefaultsTest(unittest.TestCase):
    def complete(self, *words):
        arguments = main.build_parser().parse_args(words)
        main.complete(arguments)
        return arguments

    def test_results_of_each_level_and_instruction_set_have_a_file(self):
        for words, name in (((), "tune-default.jsonl"), (("--level", "smoke"), "tune-smoke.jsonl"),
                            (("--isa", "avx2"), "tune-default-avx2.jsonl"), (("--out", "mine.jsonl"), "mine.jsonl")):
            self.assertEqual(pathlib.Path(self.complete("run", *words).out).name, name)

    def test_what_is_measured_if_nothing_is_said(self):
        self.assertEqual(self.complete("run", "--level", "smoke").workload, ["smoke"])
        self.assertEqual(self.complete("run", "--level", "smoke", "--case", FWD).workload, [])
        self.assertEqual(self.complete("run").workload, [])
        self.assertEqual(self.complete("verify", "table.hpp").workload, ["all"])
        self.assertEqual([self.complete("run", "--level", level).seconds for level in main.LEVELS], [0.03, 0.1, 0.2])


class HelpTest(FrontTest):
    def test_without_arguments_there_is_help(self):
        out, _ = self.glint_tune()
        for word in ("run", "plan", "list", "report", "export", "compare", "verify", "glint_tuned.hpp"):
            self.assertIn(word, out)

    def shell(self, *words, status=0):
        done = subprocess.run([ROOT / "bench" / "glint-tune", *words], capture_output=True, text=True, timeout=60,
                              env=self.environment(), cwd=self.path)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout + done.stderr

    def test_the_script_passes_on_what_it_does_not_need(self):
        self.assertIn("Measures tilings", self.shell())
        self.assertIn("--repetitions", self.shell("run", "--help"))  # and builds nothing for it
        self.assertIn("llama-3-8b: ", self.shell("list"))
        said = self.shell("run", "--worker", FAKE, "--case", FWD, "--out", "here.jsonl", "--repetitions", "1")
        self.assertIn("Results: here.jsonl", said)
        self.assertTrue((self.path / "here.jsonl").exists())
        self.assertIn("--level is smoke, default or max", self.shell("run", "--level", "huge", status=2))
        self.assertIn("--isa is ", self.shell("run", "--isa", "mmx", status=2))

    def test_another_instruction_set(self):
        _, err = self.glint_tune(*self.sweep_words("--isa", "avx2"), status=2)
        self.assertIn("no avx2: the worker runs avx512", err)
        self.tell(describe={"isa": "avx2"})
        self.sweep("--isa", "avx2", "--repetitions", 1)

    def test_list(self):
        out, _ = self.glint_tune("list")
        for name in cases.load_workloads():
            self.assertIn(f"{name}: ", out)
        out, _ = self.glint_tune("list", "--candidates", "--worker", FAKE)
        self.assertIn("split/2048", out)

    def test_bad_usage(self):
        for words, message in ((("run", "--worker", FAKE, "--out", self.out), "no case"),
                               (("run", "--worker", FAKE, "--workload", "gpt-9"), "no workload gpt-9; there are"),
                               (("run", "--case", FWD), "no worker"),
                               (("run", "--worker", self.path / "none", "--case", FWD), "No such file"),
                               (("run", "--worker", FAKE, "--case", FWD, "--repetitions", "0"), "out of range"),
                               (("run", "--worker", FAKE, "--case", FWD, "--budget", "soon"), "no number"),
                               (("run", "--worker", FAKE, "--case", FWD, "--cache", "warm,hot"), "'hot' is not one of"),
                               (("run", "--worker", FAKE, "--cases", self.path / "none.txt"), "No such file"),
                               (("measure",), "invalid choice")):
            _, err = self.glint_tune(*words, status=2)
            self.assertIn(message, err, words)


class WorkloadsTest(unittest.TestCase):
    def test_the_shipped_cases_are_short_enough_and_told_apart(self):
        seen = set()
        for name, workload in cases.load_workloads().items():
            self.assertTrue(workload["what"], name)
            for line in workload["cases"]:
                case = cases.split(line)
                self.assertLessEqual(Shape(case).useful_flops(), 10e9, line)  # 0.2 s at 50 GFLOP/s
                self.assertEqual(int(case["n"]) % int(case.get("nkv", case["n"])), 0, line)
                self.assertIn(case["op"], records.OPS)
                self.assertNotIn((name, line), seen)
                seen.add((name, line))

    def test_models_have_all_they_do(self):
        workloads = cases.load_workloads()
        for name in ("llama-3-8b", "qwen", "gemma", "deepseek", "bert", "vit", "whisper"):
            ops = {cases.REGIMES[cases.split(line)["op"]] for line in workloads[name]["cases"]}
            self.assertEqual(ops, {"prefill", "gradient"} | (set() if name in ("bert", "vit") else {"decode"}), name)

    def test_a_broken_file_names_its_line(self):
        folder = FrontTest()
        folder.setUp()
        self.addCleanup(folder.doCleanups)
        path = folder.path / "workloads.json"
        for text, message in (('{"workloads": {\n"a": {"cases": [}}}', f"{path}:2: "),
                              ('{"workloads": []}', "needs an object"),
                              ('{"workloads": {"a": {"cases": ["x"]}, "a": {"cases": ["y"]}}}', "the key 'a' twice"),
                              ('{"workloads": {"a": {"cases": "op=fwd"}}}', "workload a needs"),
                              ('{"workloads": {"a": {"cases": []}}}', "workload a needs")):
            path.write_text(text)
            with self.assertRaisesRegex(cases.Usage, message.replace("{", r"\{")):
                cases.load_workloads(path)


class ProgressTest(unittest.TestCase):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    def test_a_line_has_at_most_100_columns(self):
        for share in (0, 0.005, 0.5, 1, 1.2):
            for what in ("x", "a long case " * 20):
                for left in (None, 5, 5000, 1e6):
                    self.assertLessEqual(len(progress.compose(share, what, left)), progress.WIDTH)

    def test_it_says_how_far_what_and_how_long(self):
        line = progress.compose(0.43, "fwd f32 flash/64x128x4/4x4 warm", 130)
        self.assertIn("43 %  fwd f32 flash/64x128x4/4x4 warm", line)
        self.assertTrue(line.endswith("2 min 10 s left"))

    def test_the_bar_never_goes_back(self):
        stream = self.Terminal()
        bar = progress.Progress(stream)
        bar.show(0.5, "a")
        bar.show(0.4, "b")
        self.assertNotIn("40 %", stream.getvalue())

    def test_a_message_clears_the_bar(self):
        stream = self.Terminal()
        bar = progress.Progress(stream)
        bar.show(0.5, "a")
        bar.say("crashed")
        self.assertTrue(stream.getvalue().endswith("\r" + " " * 100 + "\rcrashed\n"))

    def test_elsewhere_there_are_few_plain_lines(self):
        stream, clock = io.StringIO(), [0.0]
        bar = progress.Progress(stream, now=lambda: clock[0])
        for _ in range(100):
            clock[0] += 1
            bar.show(clock[0] / 100, "a")
        self.assertNotIn("\r", stream.getvalue())
        self.assertEqual(len(stream.getvalue().splitlines()), 5)


class ShortTest(unittest.TestCase):
    def test_titles(self):
        case = {"op": "incre", "dtype": "bf16", "cache": "i8", "b": 4, "n": 32, "nkv": 8, "sq": 1, "skv": 4096,
                "d": 128, "dv": 128, "mode": 0, "layout": "BSH", "block": 128, "threads": 2}
        self.assertEqual(cases.short(case), "incre bf16/i8 B4 N32/8 S1x4096 D128 layout=BSH block=128 threads=2")
        band = {**case, "op": "fwd", "cache": "bf16", "mode": 4, "pre": 1023, "next": 0, "block": 0}
        self.assertEqual(cases.short(band), "fwd bf16 B4 N32/8 S1x4096 D128 mode=4/1023/0 layout=BSH threads=2")
        self.assertEqual(cases.tuning_class(case), ("decode", "i8", 128))
        self.assertEqual(cases.tuning_class({**case, "d": "80"}), ("decode", "i8", 128))
        self.assertIsNone(cases.tuning_class({**case, "d": 1024}))


if __name__ == "__main__":
    unittest.main()
