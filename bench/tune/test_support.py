"""What the tests of the front end share: a folder, the command line, a worker that does as it is told."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).parent
FAKE = HERE / "testdata" / "fake_worker.py"
FWD = "op=fwd dtype=f32 n=2 sq=256 d=64"
BWD = "op=bwd dtype=f32 n=2 sq=256 d=64"
INCRE = "op=incre dtype=f32 n=2 sq=1 skv=4096 d=64"


def records_of(path):
    return [json.loads(line) for line in pathlib.Path(path).read_text().splitlines()]


def times_of(records, name=None):
    return [record for record in records if record["kind"] == "time" and name in (None, record["name"])]


def case_of(line):
    words = dict(word.split("=") for word in line.split())
    return {"b": 1, "nkv": words["n"], "skv": words["sq"], "dv": words["d"], "cache": words["dtype"], **words}


def results(shares, spread=0.002, repetitions=5):
    """Made-up records.  shares: {line: {name: share}}"""
    records = [{"kind": "run", "describe": {"isa": "avx512"}}]
    for line, by_name in shares.items():
        records.append({"kind": "case", "line": line, "case": case_of(line), "candidates": []})
        for name, share in by_name.items():
            records += [{"kind": "time", "line": line, "name": name, "cache": "warm", "repetition": i, "seconds": 0.01,
                         "share": share * (1 + spread * (i - repetitions // 2))} for i in range(repetitions)]
    return records


class FrontTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name)
        self.out = self.path / "results.jsonl"
        self.script = self.path / "script.json"
        self.tell()

    def tell(self, **script):
        """What the worker does from now on."""
        self.script.write_text(json.dumps(script))

    def command(self, *words):
        return [sys.executable, "-B", str(HERE / "main.py"), *map(str, words)]

    def environment(self):
        return {**os.environ, "FAKE_WORKER": str(self.script)}

    def glint_tune(self, *words, status=0):
        """status: that is expected, or several.  -> (stdout, stderr)"""
        done = subprocess.run(self.command(*words), capture_output=True, text=True, timeout=300, env=self.environment())
        self.assertIn(done.returncode, status if isinstance(status, tuple) else (status,), done.stdout + done.stderr)
        self.assertNotIn("Traceback", done.stderr)
        return done.stdout, done.stderr

    def sweep_words(self, *words, lines=(FWD,)):
        cases = [word for line in lines for word in ("--case", line)]
        return ["run", "--worker", FAKE, "--out", self.out, "--seed", 1, *cases, *words]

    def sweep(self, *words, lines=(FWD,), status=0):
        """Runs a sweep.  -> (stdout, stderr, records)"""
        out, err = self.glint_tune(*self.sweep_words(*words, lines=lines), status=status)
        return out, err, records_of(self.out)

    def start(self, *words, lines=(FWD,), **how):
        """A sweep in the background."""
        process = subprocess.Popen(self.command(*self.sweep_words(*words, lines=lines)), stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, env=self.environment(), **how)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        self.addCleanup(lambda: process.poll() is None and process.send_signal(signal.SIGKILL))
        return process

    def wait_for(self, condition, seconds=60):
        end = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), end, "waited in vain")
            time.sleep(0.02)

    def lines_written(self):
        return self.out.read_bytes().count(b"\n") if self.out.exists() else 0
