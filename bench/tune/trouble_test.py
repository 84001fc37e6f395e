#!/usr/bin/env python3
"""Whatever goes wrong has a name, the sweep goes on, and nothing that is recorded is lost."""

import argparse
import io
import resource
import signal
import unittest
from unittest import mock

from cases import Given
from progress import Progress
from records import Memory
from selection import Selection
from sweep import Sweep
from test_support import BWD, FAKE, FWD, INCRE, FrontTest, records_of, times_of

BAD = "flash/64x64x1/4x4"
OTHERS = {"builtin", "flash/64x128x4/4x4", "flash/32x128x4/4x4", "flash/64x192x4/4x4"}


class BadWorkerTest(FrontTest):
    CODES = {"crash": "crashed", "exit": "exited", "garbage": "garbage", "nan": "garbage", "no share": "garbage",
             "chatter": "garbage", "hang": "timeout", "close": "garbage", "refused": "refused"}

    def expect(self, records, code):
        """One candidate failed with `code`, and all others were measured to the end."""
        errors = [record for record in records if record["kind"] == "error"]
        self.assertEqual([(record["name"], record["error"]["code"]) for record in errors], [(BAD, code)])
        self.assertEqual(times_of(records, BAD), [])
        for name in OTHERS:
            self.assertEqual(len(times_of(records, name)), 2, name)
        self.assertEqual(records[-1]["kind"], "done")

    def test_a_candidate_that_fails_while_it_is_timed(self):
        for what, code in self.CODES.items():
            with self.subTest(what):
                self.out.unlink(missing_ok=True)
                self.tell(trouble={BAD: {"no share": "no share"}.get(what, what)})
                out, err, records = self.sweep("--no-prune", "--repetitions", 2, "--timeout", 4, status=1)
                self.expect(records, code)
                self.assertIn(f"{BAD}: {code}: ", out)
                self.assertIn(f"{BAD}: {code}: ", err)

    def test_a_candidate_that_brings_the_gate_down(self):
        for what in ("crash", "hang", "garbage"):
            with self.subTest(what):
                self.out.unlink(missing_ok=True)
                self.tell(trouble={BAD: what}, trouble_in="check")
                _, _, records = self.sweep("--no-prune", "--repetitions", 2, "--timeout", 4, status=1)
                self.expect(records, self.CODES[what])

    def test_the_words_of_a_dying_worker_are_kept(self):
        self.tell(trouble={BAD: "exit"})
        out, _, _ = self.sweep("--no-prune", "--repetitions", 1, status=1)
        self.assertIn("ended with status 3; it said: no more of this", out)

    def test_a_wrong_candidate_is_never_timed(self):
        for code in ("wrong", "unwritten", "out_of_bounds"):
            self.out.unlink(missing_ok=True)
            self.tell(trouble={BAD: code}, trouble_in="check")
            out, _, records = self.sweep("--no-prune", "--repetitions", 2, status=1)
            check = next(record for record in records if record["kind"] == "check" and record["name"] == BAD)
            self.assertEqual((check["ok"], check["error"]["code"]), (False, code))
            self.assertEqual(times_of(records, BAD), [])
            self.assertEqual(len(times_of(records)), 8)
            self.assertIn(f"{BAD}: {code}: as it was told", out)

    def test_a_worker_that_names_an_error_is_kept(self):
        for code in ("refused", "crashed"):  # as of a library that could not be loaded
            log = self.path / f"log-{code}"
            self.out.unlink(missing_ok=True)
            self.tell(trouble={BAD: f"named {code}"}, log=str(log))
            self.sweep("--no-prune", "--repetitions", 1, status=1)
            self.assertEqual(log.read_text().count(" start"), 2)  # to read the case, and for the only round

    def test_numbers_from_before_a_crash_do_not_count(self):
        _, _, _ = self.sweep("--no-prune", "--repetitions", 2)
        self.tell(trouble={BAD: "crash"})
        out, _, records = self.sweep("--no-prune", "--repetitions", 4, status=1)
        self.assertEqual(len(times_of(records, BAD)), 2)
        self.assertRegex(out, r"(?m)^fwd .* 4$")  # timed: all but the one

    def test_a_case_that_never_starts_is_skipped(self):
        for what, code in (("crash", "crashed"), ("hang", "timeout"), ("garbage", "garbage")):
            self.out.unlink(missing_ok=True)
            log = self.path / f"log-{what}"
            self.tell(start={"op=bwd": what}, log=str(log))
            _, err, records = self.sweep("--no-prune", "--repetitions", 1, "--timeout", 4, lines=(FWD, BWD, INCRE),
                                         status=1)
            errors = [record for record in records if record["kind"] == "error"]
            self.assertEqual([(each["line"], each["name"], each["error"]["code"]) for each in errors],
                             [(BWD, None, code)])
            self.assertEqual({run["line"] for run in times_of(records)}, {FWD, INCRE})
            self.assertIn(BWD, err)
            self.assertEqual(log.read_text().count("op=bwd start"), 2)

    def test_another_protocol(self):
        self.tell(describe={"protocol": 2})
        _, err = self.glint_tune(*self.sweep_words(), status=2)
        self.assertIn("protocol 2, expected 1", err)
        self.assertFalse(self.out.exists())
        self.tell(describe={"machine": "a fast one"})
        _, err = self.glint_tune(*self.sweep_words(), status=2)
        self.assertIn("describes no machine", err)


class BadModelTest(FrontTest):
    class Broken:
        @staticmethod
        def prune(*_, **__):
            raise ZeroDivisionError("a cache of no bytes")

    def test_a_model_that_fails_prunes_nothing_and_is_named(self):
        options = argparse.Namespace(worker=str(FAKE), provider=[], timeout=10, seed=1, budget=None, repetitions=1,
                                     cache=["warm"], seconds=0.01, keep=12, retry=False)
        said, log = io.StringIO(), Memory()
        sweep = Sweep(options, {}, Selection(self.Broken, {}, 12), log, Progress(said))
        with mock.patch.dict("os.environ", FAKE_WORKER=str(self.script)):
            sweep.run([Given(FWD, "here")])
        errors = [record["error"] for record in log.records if record["kind"] == "error"]
        self.assertEqual(errors, [{"code": "model", "message": "ZeroDivisionError: a cache of no bytes"}])
        self.assertEqual({run["name"] for run in times_of(log.records)}, OTHERS | {BAD})
        self.assertIn("here: ", said.getvalue())


class BadInputTest(FrontTest):
    def test_bad_lines_of_a_file_are_named_and_the_others_measured(self):
        file = self.path / "cases.txt"
        file.write_text(f"# mine\n{FWD}\n\nop=fwd dtype=f32 what\n{BWD}  # the gradient\n"
                        "op=fwd n=1 sq=x d=64 dtype=f32\n")
        _, err = self.glint_tune("run", "--worker", self.fake(), "--out", self.out, "--cases", file, "--repetitions", 1,
                                 status=1)
        self.assertIn(f"{file}:4: op=fwd dtype=f32 what: bad_case: ", err)
        self.assertIn(f"{file}:6: ", err)
        records = records_of(self.out)
        self.assertEqual({run["line"] for run in times_of(records)}, {FWD, BWD})
        self.assertEqual(sum(record["kind"] == "error" for record in records), 2)

    def fake(self):
        return self.sweep_words()[2]

    def test_nothing_but_bad_lines_is_bad_usage(self):
        self.sweep(lines=("op=fwd",), status=2)

    def test_an_empty_file_of_cases(self):
        file = self.path / "cases.txt"
        file.write_text("# nothing\n")
        _, err = self.glint_tune("run", "--worker", self.fake(), "--cases", file, status=2)
        self.assertIn("no case", err)

    def test_malformed_results_are_not_touched(self):
        self.sweep("--repetitions", 1)
        lines = self.out.read_text().splitlines()
        lines[3] = lines[3][:-5]
        self.out.write_text("\n".join(lines) + "\n")
        before = self.out.read_bytes()
        for words in (self.sweep_words("--repetitions", 2), ("report", self.out),
                      ("export", self.out, "-o", self.path / "t.hpp"), ("compare", self.out, self.out)):
            _, err = self.glint_tune(*words, status=2)
            self.assertIn(f"{self.out}:4: ", err)
        self.assertEqual(self.out.read_bytes(), before)


class ResumeTest(FrontTest):
    def expect_complete(self, records, repetitions, lines=(FWD,)):
        """Every candidate was timed just as often as asked, each repetition once."""
        for line in lines:
            for name in OTHERS | {BAD}:
                runs = [run["repetition"] for run in times_of(records, name) if run["line"] == line]
                self.assertEqual(runs, list(range(repetitions)), name)

    def test_kill_9_loses_at_most_the_running_measurement(self):
        log = self.path / "log"
        self.tell(seconds=0.05, log=str(log))
        process = self.start("--no-prune", "--repetitions", 6)
        self.wait_for(lambda: self.lines_written() >= 15)
        process.kill()
        process.wait()
        kept = records_of(self.out)
        begun = sum(line.split()[2] == "time" for line in log.read_text().splitlines())
        self.assertIn(begun - len(times_of(kept)), (0, 1))
        self.assertGreater(len(times_of(kept)), 3)
        self.tell()
        _, err, records = self.sweep("--no-prune", "--repetitions", 6)
        self.assertEqual(records[:len(kept)], kept)
        self.assertIn(f"goes on after {len(times_of(kept))} measurements", err)
        self.expect_complete(records, 6)
        checks = [record["name"] for record in records if record["kind"] == "check"]
        self.assertEqual(len(checks), len(set(checks)))

    def test_a_worker_does_not_survive_its_sweep(self):
        log = self.path / "log"
        self.tell(trouble={"builtin": "hang"}, log=str(log))
        process = self.start("--no-prune")
        self.wait_for(lambda: log.exists() and "time builtin" in log.read_text())
        pid = int(log.read_text().splitlines()[-1].split()[0])
        process.kill()
        process.wait()
        self.wait_for(lambda: not self.runs(pid), 10)

    @staticmethod
    def runs(pid):
        """Not a zombie, which waits only for whoever adopted it."""
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
                return file.read().rsplit(")", 1)[1].split()[0] != "Z"
        except OSError:
            return False

    def test_a_torn_line_is_cut(self):
        _, _, before = self.sweep("--no-prune", "--repetitions", 2)
        with open(self.out, "ab") as file:
            file.write(b'{"kind":"time","line":"op=fw')
        out, _ = self.glint_tune("report", self.out)  # reading does not mind, and changes nothing
        self.assertIn("builtin", out)
        self.assertFalse(self.out.read_bytes().endswith(b"\n"))
        _, err, records = self.sweep("--no-prune", "--repetitions", 3)
        self.assertIn("the last line was torn; 28 bytes cut", err)
        self.assertEqual(records[:len(before)], before)
        self.expect_complete(records, 3)

    def test_what_is_there_is_not_measured_again(self):
        _, _, before = self.sweep("--no-prune", "--repetitions", 2)
        _, _, records = self.sweep("--no-prune", "--repetitions", 2)
        self.assertEqual(len(times_of(records)), len(times_of(before)))
        self.assertEqual([record["kind"] for record in records[len(before):]], ["run"])

    def test_failures_are_tried_again_only_if_asked(self):
        self.tell(trouble={BAD: "crash"})
        self.sweep("--no-prune", "--repetitions", 2, status=1)
        self.tell()
        _, _, records = self.sweep("--no-prune", "--repetitions", 2, status=1)  # what failed before still counts
        self.assertEqual(times_of(records, BAD), [])
        out, _, records = self.sweep("--no-prune", "--repetitions", 2, "--retry")
        self.expect_complete(records, 2)
        self.assertNotIn("Failed", out)

    def test_a_case_that_failed_is_tried_again_only_if_asked(self):
        self.tell(start={"op=bwd": "crash"})
        self.sweep("--no-prune", "--repetitions", 2, lines=(FWD, BWD), status=1)
        self.tell()
        _, _, records = self.sweep("--no-prune", "--repetitions", 2, lines=(FWD, BWD), status=1)
        self.assertEqual({run["line"] for run in times_of(records)}, {FWD})
        out, _, records = self.sweep("--no-prune", "--repetitions", 2, "--retry", lines=(FWD, BWD))
        self.assertEqual({run["line"] for run in times_of(records)}, {FWD, BWD})
        self.assertNotIn("Failed", out)

    def test_ctrl_c_ends_cleanly_and_the_next_run_goes_on(self):
        self.tell(seconds=0.05)
        process = self.start("--no-prune", "--repetitions", 6, lines=(FWD, BWD))
        self.wait_for(lambda: self.lines_written() >= 12)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 130, err)
        self.assertIn("Interrupted; not complete", out)
        self.assertNotIn("Traceback", err)
        self.assertTrue(self.out.read_bytes().endswith(b"\n"))
        self.tell()
        _, _, records = self.sweep("--no-prune", "--repetitions", 6, lines=(FWD, BWD))
        self.expect_complete(records, 6)

    def test_results_of_another_machine_or_build_are_not_continued(self):
        self.sweep("--repetitions", 1)
        before = self.out.read_bytes()
        machine = {"cpu_model": "Another", "vendor": "GenuineIntel", "family": 6, "model": 143}
        for change, words in (({"machine": machine}, ("cpu_model was 'Imagined', is 'Another'", "vendor", "family")),
                              ({"isa": "avx2"}, ("isa was 'avx512', is 'avx2'",)),
                              ({"compiler": "clang++ 14"}, ("compiler was 'g++ 12.2.0', is 'clang++ 14'",)),
                              ({"flags": "-O3"}, ("flags was '-O2', is '-O3'",))):
            self.tell(describe=change)
            _, err = self.glint_tune(*self.sweep_words("--repetitions", 2), status=2)
            for word in words:
                self.assertIn(word, err)
            self.assertEqual(self.out.read_bytes(), before)

    def test_two_sweeps_do_not_share_a_file(self):
        self.tell(seconds=0.1)
        process = self.start("--no-prune", "--repetitions", 50)
        self.wait_for(lambda: self.lines_written() >= 3)
        _, err = self.glint_tune(*self.sweep_words(), status=2)
        self.assertIn("another sweep writes to it", err)
        process.kill()
        process.wait()

    def test_a_full_disk_is_said_and_nothing_lost(self):
        process = self.start("--no-prune", "--repetitions", 50,
                             preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (16384, 16384)))
        _, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 2, err)
        self.assertIn(f"{self.out}: File too large; what was measured before is kept", err)
        _, err, records = self.sweep("--no-prune", "--repetitions", 12)
        self.assertIn("torn", err)
        self.expect_complete(records, 12)

    def test_a_device_is_no_file_of_results(self):
        self.out = "/dev/null"
        _, err = self.glint_tune(*self.sweep_words(), status=2)
        self.assertIn("/dev/null: not a file", err)


if __name__ == "__main__":
    unittest.main()
