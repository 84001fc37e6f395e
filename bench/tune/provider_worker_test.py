"""Foreign kernels in the worker: those that come with glint pass the gate, and each that does something wrong is
stopped with the right code.

GLINT_TUNE_WORKER is the worker, GLINT_PROVIDERS the folder of the providers, and its bad/ that of the bad ones.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import worker

PROGRAM = os.environ.get("GLINT_TUNE_WORKER", "")
PROVIDERS = pathlib.Path(os.environ.get("GLINT_PROVIDERS", ""))
EIGEN, TEXTBOOK = PROVIDERS / "glint_provider_eigen.so", PROVIDERS / "glint_provider_textbook.so"
FRONT_END = pathlib.Path(__file__).with_name("main.py")
CASE = "op=fwd dtype=f32 b=2 n=4 nkv=2 sq=40 skv=72 d=32 mode=3"


def bad(name):
    return PROVIDERS / "bad" / f"{name}.so"


class WorkerTest(unittest.TestCase):
    def start(self, line, *libraries, timeout=120):
        process = worker.Worker(PROGRAM, line, list(map(str, libraries)), timeout)
        self.addCleanup(process.kill)
        return process

    def check(self, name, library=None, line=CASE):
        """-> the answer of the gate to the provider"""
        return self.start(line, library or bad(name)).check(f"provider:{name}")

    def expect(self, name, code, part, **how):
        answer = self.check(name, **how)
        self.assertFalse(answer["ok"], name)
        self.assertEqual(answer["error"]["code"], code, answer)
        self.assertIn(part, answer["error"]["message"])


class GoodProviders(WorkerTest):
    def passes(self, name, library, line):
        process = self.start(line, library)
        self.assertIn(f"provider:{name}", process.facts["candidates"], line)
        answer = process.check(f"provider:{name}")
        self.assertTrue(answer["ok"], (line, answer))
        self.assertGreaterEqual(answer["rows"], 16)
        return process

    def test_eigen_does_every_operator_in_every_type(self):
        for line in (CASE, CASE.replace("f32", "f16"), CASE.replace("f32", "bf16"),
                     CASE + " layout=BSND", CASE + " layout=SBH", CASE.replace("mode=3", "mode=4 pre=9 next=3"),
                     CASE.replace("fwd", "bwd"), CASE.replace("fwd", "bwd").replace("f32", "bf16"),
                     CASE.replace("fwd", "prompt"), CASE + " dv=16",
                     "op=incre dtype=f32 b=2 n=8 nkv=2 sq=1 skv=300 d=32",
                     "op=incre dtype=f32 b=2 n=8 nkv=2 sq=1 skv=300 d=32 cache=f16",
                     "op=incre dtype=bf16 b=2 n=8 nkv=2 sq=3 skv=300 d=32",
                     "op=incre dtype=f32 b=2 n=8 nkv=2 sq=1 skv=300 d=32 block=16",
                     "op=incre dtype=f32 b=2 n=8 nkv=1 sq=1 skv=300 d=48 dv=32 vink=1"):
            with self.subTest(line):
                self.passes("eigen_unfused", EIGEN, line)

    def test_textbook_does_floats_forward(self):
        paged = "op=incre dtype=f32 b=4 n=8 nkv=2 sq=1 skv=300 d=32 block=16"
        for line in (CASE, CASE.replace("fwd", "prompt"), paged):
            with self.subTest(line):
                self.passes("textbook", TEXTBOOK, line)

    def test_they_are_timed_like_any_other(self):
        process = self.passes("eigen_unfused", EIGEN, CASE)
        for cache in ("warm", "cold", "evicted"):
            answer = process.time("provider:eigen_unfused", cache, 0.02)
            self.assertTrue(0 < answer["share"] < 2, answer)
            self.assertGreaterEqual(answer["workspace"], 40 * 72 * 4)

    def test_what_they_do_not_do_is_no_candidate_of_theirs(self):
        for line in (CASE.replace("f32", "bf16"), CASE.replace("fwd", "bwd")):
            self.assertNotIn("provider:textbook", self.start(line, TEXTBOOK).facts["candidates"])
        integers = "op=incre dtype=f32 b=2 n=8 nkv=2 sq=1 skv=300 d=32 cache=i8"
        self.assertNotIn("provider:eigen_unfused", self.start(integers, EIGEN).facts["candidates"])

    def test_several_at_once(self):
        process = self.start(CASE, EIGEN, TEXTBOOK, bad("corner"))
        self.assertTrue(process.check("provider:eigen_unfused")["ok"])
        self.assertTrue(process.check("provider:textbook")["ok"])
        self.assertFalse(process.check("provider:corner")["ok"])
        self.assertTrue(process.check("builtin")["ok"])


class BadProviders(WorkerTest):
    def test_what_they_write(self):
        self.expect("before", "out_of_bounds", "before attention_out")
        self.expect("behind", "out_of_bounds", "behind attention_out")
        self.expect("unwritten", "unwritten", f"{2 * 4 * 32} of {2 * 4 * 40 * 32} elements of attention_out")
        self.expect("nan", "not_finite", "are NaN or infinite")
        self.expect("garbage", "wrong", "want")
        self.expect("input", "inputs_changed", "inputs")

    def test_a_diagonal_through_the_wrong_corner(self):
        self.expect("corner", "wrong", "attention_out is wrong at")
        square = CASE.replace("skv=72", "skv=40")
        self.assertTrue(self.check("corner", line=square)["ok"], "where the corners are one, it is right")

    def test_what_they_say(self):
        self.expect("code", "refused", 'code returned 7: the "moon" is?in the wrong phase')

    def test_claims_to_do_everything(self):
        for line in (CASE.replace("f32", "bf16"), CASE.replace("fwd", "bwd"), CASE.replace("fwd", "prompt")[:-7]):
            process = self.start(line, bad("greedy"))
            try:
                answer = process.check("provider:greedy")
                right = "prompt" in line
                self.assertEqual(answer["ok"], right, (line, answer))
                if not right:
                    self.assertIn(answer["error"]["code"], ("out_of_bounds", "unwritten", "not_finite", "wrong", "inputs_changed"))
            except worker.WorkerError as error:
                self.assertEqual(error.code, "crashed")

    def test_ends_of_the_process(self):
        for name, signal in (("crash", "SIGSEGV"), ("abort", "SIGABRT")):
            with self.assertRaises(worker.WorkerError) as raised:
                self.check(name)
            self.assertEqual(raised.exception.code, "crashed")
            self.assertIn(signal, raised.exception.message)

    def test_no_end_at_all(self):
        process = self.start(CASE, bad("endless"), timeout=5)
        with self.assertRaises(worker.WorkerError) as raised:
            process.check("provider:endless")
        self.assertEqual(raised.exception.code, "timeout")

    def test_libraries_that_are_not_let_in(self):
        for file, code in (("abi.so", "provider_abi"), ("symbol.so", "provider_symbol"),
                           ("null_name.so", "provider_name"), ("quoted_name.so", "provider_name"),
                           ("long_name.so", "provider_name"), ("loading.so", "crashed"), ("exit.so", "exited")):
            with self.subTest(file):
                process = self.start(CASE, PROVIDERS / "bad" / file, TEXTBOOK)
                answer = process.check(f"provider:{file}")
                self.assertFalse(answer["ok"])
                self.assertEqual(answer["error"]["code"], code)
                self.assertRaises(worker.WorkerError, process.time, f"provider:{file}", "warm", 0.01)
                self.assertTrue(process.check("provider:textbook")["ok"], "others are none the worse")

    def test_files_that_are_no_libraries(self):
        with tempfile.TemporaryDirectory() as folder:
            text = pathlib.Path(folder) / "text.so"
            text.write_text("not a library")
            self.expect("text.so", "provider_library", "text.so", library=text)
            self.expect("none.so", "provider_file", "is no file", library=pathlib.Path(folder) / "none.so")

    def test_workspaces_of_no_size(self):
        for name in ("negative", "absurd"):
            self.expect(name, "workspace", "bytes of workspace")

    def test_two_of_one_name(self):
        process = self.start(CASE, TEXTBOOK, TEXTBOOK)
        names = [name for name in process.facts["candidates"] if name.startswith("provider:")]
        self.assertEqual(len(names), len(set(names)), "a name is one candidate's")
        self.assertTrue(process.check("provider:textbook")["ok"])


class Sweeps(unittest.TestCase):
    def test_goes_on_beside_all_of_them(self):
        """One sweep with every provider, good and bad: the good ones have times, the bad ones a named error."""
        bad_ones = sorted(path for path in (PROVIDERS / "bad").glob("*.so"))
        words = [word for path in [EIGEN, TEXTBOOK, *bad_ones] for word in ("--provider", str(path))]
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder) / "results.jsonl"
            options = ["--case", CASE, "--keep", "1", "--repetitions", "2", "--seconds", "0.01", "--timeout", "20"]
            done = subprocess.run([sys.executable, "-B", FRONT_END, "run", "--worker", PROGRAM, "--out", out, *options,
                                   *words], capture_output=True, text=True, timeout=600)
            self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
            self.assertNotIn("Traceback", done.stderr)
            records = [json.loads(line) for line in out.read_text().splitlines()]
        timed = {record["name"] for record in records if record["kind"] == "time"}
        self.assertLessEqual({"builtin", "provider:eigen_unfused", "provider:textbook"}, timed)
        failed = {record["name"]: record["error"]["code"] for record in records if "error" in record}
        self.assertEqual(len(failed), len(bad_ones) - 1, failed)  # all but greedy, which is right about floats
        self.assertFalse(timed & set(failed))
        self.assertEqual(failed["provider:crash"], "crashed")
        self.assertEqual(failed["provider:endless"], "timeout")
        self.assertEqual(failed["provider:loading.so"], "crashed")
        self.assertEqual(failed["provider:exit.so"], "exited")
        self.assertEqual(failed["provider:corner"], "wrong")


if __name__ == "__main__":
    unittest.main()
