"""Drives the worker itself: case lines, the gate, the clock, and what it says when it is asked nonsense.

GLINT_TUNE_WORKER is the program, built at level smoke.  What the gate refuses: provider_worker_test.py.
"""

import json
import os
import subprocess
import unittest

PROGRAM = os.environ.get("GLINT_TUNE_WORKER", "")
# Nothing is measured here, so a small piece of memory will do for the read loop.
SURROUNDINGS = {**os.environ, "GLINT_BENCH_SECONDS": "0"}
SMALL = "op=fwd dtype=f32 n=2 sq=70 d=16"


def worker(arguments, commands="", **more):
    """-> exit status, answers"""
    done = subprocess.run([PROGRAM, *arguments], input=commands, capture_output=True, text=True, timeout=300,
                          env={**SURROUNDINGS, **more})
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def ask(line, *commands, **more):
    """-> the first answer and those to the commands, without the lines that say what begins"""
    status, answers = worker(["--case", line], "\n".join([*commands, "quit", ""]), **more)
    if status != 0:
        raise AssertionError(f"{line}: status {status}, {answers}")
    return answers[0], [answer for answer in answers[1:] if "begin" not in answer]


class Description(unittest.TestCase):
    def test_names_machine_probes_and_candidates(self):
        status, (answer,) = worker(["--describe"])
        self.assertEqual(status, 0)
        self.assertEqual((answer["protocol"], answer["level"]), (1, "smoke"))
        self.assertLessEqual({"cpu_model", "vendor", "family", "model", "usable_cpus", "governor", "smt", "l1d", "l2",
                              "l3"}, set(answer["machine"]))
        probes = answer["probes"]
        self.assertEqual("bf16_dot" in probes, answer["bf16_dot"])
        self.assertEqual("int8_dot" in probes, answer["int8_dot"])
        self.assertTrue(all(speed > 1e8 for speed in probes.values()), probes)
        builtin = {(c["op"], c["dtype"]) for c in answer["candidates"] if c["name"] == "builtin"}
        floats = ("f32", "f16", "bf16")
        self.assertEqual(builtin, {(op, dtype) for op in ("fwd", "bwd") for dtype in floats} |
                         {("prompt", dtype) for dtype in (*floats, "i8")} |
                         {("incre", dtype) for dtype in (*floats, "i8", "i4")})

    def test_tiles_of_another_instruction_set_are_no_candidates(self):
        _, (answer,) = worker(["--describe"], GLINT_FORCE_ISA="plain")
        self.assertEqual(answer["isa"], "plain")
        self.assertEqual({c["name"] for c in answer["candidates"]}, {"builtin"})


class CaseLines(unittest.TestCase):
    def refused(self, line, message):
        status, answers = worker(["--case", line])
        self.assertEqual(status, 2, line)
        self.assertEqual(answers, [{"ready": False, "error": {"code": "bad_case", "message": message}}])

    def test_words(self):
        for line, message in (
                ("", "the key 'op' is missing"),
                ("op=fwd dtype=f32 n=2 sq=8", "the key 'd' is missing"),
                (SMALL + " banana", "'banana' is not key=value"),
                (SMALL + " =3", "'=3' is not key=value"),
                (SMALL + " b=", "'b=' is not key=value"),
                (SMALL + " bananas=3", "unknown key 'bananas'"),
                (SMALL + " n=2", "the key 'n' is given twice"),
                (SMALL.replace("fwd", "fwb"), "op=fwb: must be one of fwd, bwd, prompt, incre"),
                (SMALL.replace("f32", "f64"), "dtype=f64: must be one of f32, f16, bf16, i8, i4"),
                (SMALL + " layout=TND", "layout=TND: must be one of BNSD, BSND, BSH, SBH"),
                (SMALL + " qkv=3", "qkv=3: must be one of apart, fused"),
                (SMALL + " b=0", "b=0: must be a whole number from 1 to 65536"),
                (SMALL + " b=1.5", "b=1.5: must be a whole number from 1 to 65536"),
                (SMALL + " b=-1", "b=-1: must be a whole number from 1 to 65536"),
                (SMALL + " b=99999999999999999999", "b=99999999999999999999: must be a whole number from 1 to 65536"),
                (SMALL + " precise=2", "precise=2: must be a whole number from 0 to 1"),
                (SMALL + " mode=3x", "mode=3x: must be a whole number from 0 to 9")):
            with self.subTest(line):
                self.refused(line, message)

    def test_combinations(self):
        incre = "op=incre dtype=bf16 n=4 nkv=2 sq=1 skv=64 d=32"
        for line, message in (
                (SMALL + " nkv=4", "n=2 is not a multiple of nkv=4"),
                (SMALL + " mode=1", "mode=1: must be one of 0, 2, 3, 4"),
                (SMALL + " mode=4 pre=3", "pre and next belong to mode=4, which needs both"),
                (SMALL + " next=3", "pre and next belong to mode=4, which needs both"),
                (SMALL + " mode=4 pre=3 next=-4", "pre + next is negative: the band is empty"),
                (SMALL + " cache=f32", "cache belongs to op=incre"),
                (SMALL + " block=64", "block belongs to op=incre"),
                (SMALL + " vink=1", "vink belongs to op=incre"),
                (SMALL.replace("f32", "i8"), "dtype=i8 belongs to op=prompt"),
                (SMALL.replace("f32", "i4"), "dtype=i4: only a cache may be i4"),
                (SMALL.replace("fwd", "prompt") + " layout=SBH", "layout=SBH belongs to op=fwd and op=bwd"),
                (SMALL + " qkv=fused", "qkv=fused needs op=fwd, layout=BSND, skv equal to sq and dv equal to d"),
                (SMALL.replace("sq=70", "sq=16777216") + " b=64",
                 "the operands are too large: more than 4 GB for the keys and values, or the queries"),
                (incre + " mode=3", "op=incre has no mode: several new rows see each other as a triangle"),
                (incre.replace("sq=1", "sq=65"), "the sq new rows of op=incre are among its skv keys: sq is too large"),
                (incre + " cache=f16", "cache=f16: under dtype=bf16 a cache holds that, i8 or i4"),
                (incre + " cache=i4 dv=31", "cache=i4 needs d and dv even"),
                (incre + " vink=1 dv=33", "vink=1 needs dv no larger than d, a cache of floats and no pages"),
                (incre + " vink=1 block=16", "vink=1 needs dv no larger than d, a cache of floats and no pages"),
                (incre + " vink=1 cache=i8", "vink=1 needs dv no larger than d, a cache of floats and no pages"),
                (SMALL + " threads=1024",
                 f"threads=1024: this process may run on {len(os.sched_getaffinity(0))} CPUs")):
            with self.subTest(line):
                self.refused(line, message)

    def test_one_spelling(self):
        facts, _ = ask("d=16  dv=16 sq=70 layout=BNSD\tn=2 nkv=2 dtype=f32 op=fwd b=1 threads=1 mode=3 skv=70 "
                       "qkv=apart")
        self.assertEqual(facts["line"], "op=fwd dtype=f32 n=2 sq=70 d=16 mode=3")
        self.assertEqual(facts["case"], {
            "op": "fwd", "dtype": "f32", "b": 1, "n": 2, "nkv": 2, "sq": 70, "skv": 70, "d": 16, "dv": 16, "mode": 3,
            "pre": 2147483647, "next": 2147483647, "layout": "BNSD", "precise": 0, "cache": "f32", "block": 0,
            "vink": 0, "qkv": "apart", "threads": 1})
        again, _ = ask(facts["line"])
        self.assertEqual(again, facts)

    def test_what_a_case_costs(self):
        """Pairs of query and key are counted by hand."""
        for line, pairs, dense, factor in (
                ("op=fwd dtype=f32 n=2 sq=5 d=8", 2 * 25, 2 * 25, 1),
                ("op=fwd dtype=f32 n=2 sq=5 d=8 mode=3", 2 * 15, 2 * 25, 1),
                ("op=fwd dtype=f32 n=1 sq=2 skv=5 d=8 mode=2", 3, 10, 1),
                ("op=fwd dtype=f32 n=1 sq=5 d=8 mode=4 pre=1 next=0", 9, 25, 1),
                ("op=bwd dtype=f32 n=2 sq=5 d=8 mode=3", 2 * 15, 2 * 25, 2.5),
                ("op=incre dtype=f32 n=2 sq=3 skv=5 d=8", 2 * 12, 2 * 15, 1)):
            facts, _ = ask(line)
            self.assertEqual(facts["useful_flops"], factor * 4 * 8 * pairs, line)
            self.assertEqual(facts["dense_flops"], factor * 4 * 8 * dense, line)
        self.assertEqual(ask("op=fwd dtype=bf16 n=4 nkv=2 sq=10 d=8")[0]["bytes"], 2 * 10 * 8 * (4 + 2 + 2 + 4))
        self.assertEqual(ask("op=incre dtype=bf16 n=4 nkv=2 sq=1 skv=10 d=8 cache=i4")[0]["bytes"], 10 * 2 * 8)


class Gate(unittest.TestCase):
    def pass_all(self, line, *needed, rows=16):
        facts, _ = ask(line)
        names = facts["candidates"]
        for part in ("builtin", *needed):
            self.assertTrue(any(name.startswith(part) for name in names), (line, part, names))
        _, answers = ask(line, *[f"check {name}" for name in names])
        for name, answer in zip(names, answers, strict=True):
            self.assertTrue(answer["ok"], (line, answer))
            self.assertEqual(answer["check"], name)
            self.assertTrue(0 < answer["worst"] <= 1, (line, answer))
            self.assertGreaterEqual(answer["rows"], rows, (line, answer))

    def test_forward(self):
        case = "op=fwd dtype={} b=2 n=4 nkv=2 sq=150 skv=210 d=40 dv=24"
        for dtype, needed in (("f32", ["flash/"]), ("f16", []), ("bf16", ["flash/"])):
            for rest in ("", " mode=2", " mode=3", " mode=4 pre=50 next=-3", " layout=BSND mode=3", " layout=BSH",
                         " layout=SBH", " precise=1"):
                with self.subTest(dtype + rest):
                    self.pass_all(case.format(dtype) + rest, *needed)

    def test_slices_of_one_projection(self):
        self.pass_all("op=fwd dtype=bf16 b=2 n=4 nkv=2 sq=130 d=32 mode=3 layout=BSND qkv=fused", "flash/")

    def test_gradient(self):
        case = "op=bwd dtype={} b=2 n=4 nkv=2 sq=100 skv=130 d=32"
        for dtype, needed in (("f32", ["gradient/"]), ("f16", []), ("bf16", [])):
            for rest in ("", " mode=3", " mode=4 pre=40 next=9 layout=SBH", " layout=BSH precise=1"):
                with self.subTest(dtype + rest):
                    self.pass_all(case.format(dtype) + rest, *needed)

    def test_prompt(self):
        case = "op=prompt dtype={} b=2 n=4 nkv=2 sq=70 skv=210 d=32"
        for dtype, needed in (("f32", ["flash/"]), ("f16", []), ("bf16", ["flash/"]), ("i8", [])):
            for rest in ("", " mode=3 layout=BSND", " mode=4 pre=60 next=5 layout=BSH"):
                with self.subTest(dtype + rest):
                    self.pass_all(case.format(dtype) + rest, *needed)

    def test_cache(self):
        case = "op=incre dtype={} b=4 n=4 nkv=2 sq={} skv=1300 d=32"
        for dtype, sq, rest, needed in (
                ("f32", 1, "", "flash/"), ("f32", 4, " layout=BSH", "flash/"), ("f32", 1, " cache=f16", "split/"),
                ("f32", 1, " cache=bf16 block=64", "flash/"), ("bf16", 1, " block=128", "flash/"),
                ("bf16", 1, " precise=1", "flash/"), ("bf16", 3, " cache=i8", "split/"),
                ("bf16", 1, " cache=i4 layout=BSND", "split/"), ("f16", 1, " cache=i8 block=16", "split/"),
                ("f16", 2, " nkv=1 vink=1 dv=16", "split/")):
            line = case.replace(" nkv=2", "" if "nkv" in rest else " nkv=2").format(dtype, sq) + rest
            with self.subTest(line):
                self.pass_all(line, "split/512", needed)

    def test_few_rows_are_all_compared(self):
        _, (answer,) = ask("op=fwd dtype=f32 n=1 sq=3 d=8", "check builtin")
        self.assertEqual(answer["rows"], 3)


class Clock(unittest.TestCase):
    def test_every_operator_in_every_state_of_the_caches(self):
        for line, name in (("op=fwd dtype=f32 n=2 sq=128 d=32 mode=3", "flash/64x64x4/0x0"),
                           ("op=bwd dtype=f32 n=2 sq=128 d=32", "gradient/64x32x1/0x0"),
                           ("op=prompt dtype=i8 n=2 sq=128 d=32", "builtin"),
                           ("op=incre dtype=bf16 n=4 nkv=2 sq=1 skv=1024 d=64", "split/512")):
            commands = [f"time {name} {cache} 0.02" for cache in ("warm", "cold", "evicted")]
            facts, answers = ask(line, *commands)
            for command, answer in zip(commands, answers, strict=True):
                with self.subTest(f"{line}: {command}"):
                    self.assertEqual(f"time {answer['time']} {answer['cache']} 0.02", command)
                    self.assertGreater(answer["seconds"], 1e-7)
                    self.assertGreaterEqual(answer["calls"], 1)
                    self.assertGreater(answer["workspace"], 0)
                    self.assertTrue(0 < answer["share"] <= answer["best_share"] < 3, answer)
                    self.assertEqual("read_share" in answer, "incre" in line)
                    if "incre" not in line:  # the clock and the shares tell one story
                        speed = facts["useful_flops"] / answer["seconds"]
                        self.assertTrue(0.5 < speed / (answer["share"] * answer["peak_flops"]) < 2, answer)

    def test_longer_takes_more_calls(self):
        _, (short, long) = ask(SMALL, "time builtin warm 0.01", "time builtin warm 0.3")
        self.assertGreater(long["calls"], 3 * short["calls"])

    def test_cold_operands_are_not_in_the_cache(self):
        """A cache of a megabyte, read once for a row: from memory it takes longer than from where it lies."""
        line = "op=incre dtype=f32 n=2 sq=1 skv=1024 d=64"
        ratios = []
        for _ in range(5):  # neighbors may disturb one
            _, (warm, cold) = ask(line, "time builtin warm 0.05", "time builtin cold 0.05")
            ratios.append(cold["seconds"] / warm["seconds"])
        self.assertGreater(sorted(ratios)[2], 1.05, ratios)

    @unittest.skipIf(len(os.sched_getaffinity(0)) < 2, "one CPU")
    def test_two_threads(self):
        line = "op=fwd dtype=f32 n=4 sq=256 d=64 threads=2"
        _, (checked, timed) = ask(line, "check builtin", "time builtin warm 0.05")
        self.assertTrue(checked["ok"])
        self.assertGreater(timed["share"], 0)


class Commands(unittest.TestCase):
    def test_candidates_that_are_none(self):
        _, (checked, timed) = ask(SMALL, "check banana", "time banana warm 0.1")
        error = {"code": "unknown", "message": "no candidate \"banana\" can run this case"}
        self.assertEqual(checked, {"check": "banana", "ok": False, "error": error})
        self.assertEqual(timed, {"time": "banana", "cache": "warm", "error": error})
        _, (answer,) = ask(SMALL, "check gradient/64x32x1/0x0")  # another operator's
        self.assertEqual(answer["error"]["code"], "unknown")

    def test_nonsense_is_answered_and_survived(self):
        nonsense = ["banana", "check", "check builtin twice", "time builtin", "time builtin tepid 0.1",
                    "time builtin warm 0", "time builtin warm nan", "time builtin warm 1e9", "time builtin warm 0.1 x",
                    ""]
        _, answers = ask(SMALL, *nonsense, "check builtin")
        for command, answer in zip(nonsense, answers[:-1], strict=True):
            self.assertEqual(answer["error"], {"code": "bad_command", "message": f"not a command: \"{command}\""})
        self.assertTrue(answers[-1]["ok"])

    def test_says_who_begins(self):
        _, answers = worker(["--case", SMALL], "check builtin\ntime builtin warm 0.01\n")
        self.assertEqual([list(answer)[0] for answer in answers], ["ready", "begin", "check", "begin", "time"])
        self.assertEqual(answers[1], {"begin": "builtin"})

    def test_end_of_input_is_an_end(self):
        self.assertEqual(worker(["--case", SMALL], "")[0], 0)

    def test_other_arguments(self):
        for arguments in ([], ["--help"], ["--case"], ["--case", SMALL, "--case", SMALL],
                          ["--case", SMALL, "--provider"]):
            self.assertEqual(worker(arguments), (64, []), arguments)


if __name__ == "__main__":
    unittest.main()
