"""The worker: the C++ program that checks and times candidates of one case, as seen from here.

Whatever it does wrong is a WorkerError with a code: `crashed`, `exited`, `timeout`, `garbage`, `protocol`, `no_worker`,
or the one it names itself.  It cannot hang the sweep, nor live on when the sweep is killed.
"""

import ctypes
import os
import selectors
import signal
import subprocess
import tempfile
import time

import records

PROTOCOL = 1
LONGEST_LINE = 1 << 20
QUIT_SECONDS = 5  # to leave after `quit`


class WorkerError(Exception):
    """named: the worker itself said so, and goes on; otherwise it is of no use any more."""

    def __init__(self, code, message, named=False):
        super().__init__(message)
        self.code, self.message, self.named = code, message, named

    def fields(self):
        return {"code": self.code, "message": self.message}


LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


def die_with_parent():
    """A candidate in an endless loop would otherwise survive a kill -9 of the sweep, and disturb what is measured."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """A worker that runs; lines of its output with a time limit each."""

    def __init__(self, command, timeout):
        self.timeout = timeout
        self._buffer = b""
        self._stderr = tempfile.TemporaryFile()
        try:
            # A session of its own: Ctrl-C is for the sweep, which then ends the worker.
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                             stderr=self._stderr, start_new_session=True, preexec_fn=die_with_parent)
        except OSError as error:
            self._stderr.close()
            raise WorkerError("no_worker", f"{command[0]}: {error.strerror}") from None
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._process.stdout, selectors.EVENT_READ)

    def send(self, line):
        try:
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            raise self._ended() from None

    def receive(self):
        """-> the next answer, an object"""
        deadline = time.monotonic() + self.timeout
        while True:
            while b"\n" not in self._buffer:
                self._read(deadline)
            line, self._buffer = self._buffer.split(b"\n", 1)
            try:
                answer = records.parse(line.decode("utf-8"))
            except ValueError as error:
                raise WorkerError("garbage", f"the worker wrote {line[:60]!r}: {error}") from None
            if "begin" not in answer:
                return answer

    def _read(self, deadline):
        if not self._selector.select(max(0.0, deadline - time.monotonic())):
            raise WorkerError("timeout", f"no answer within {self.timeout:g} seconds")
        piece = os.read(self._process.stdout.fileno(), 1 << 16)
        if not piece:
            raise self._ended()
        self._buffer += piece
        if len(self._buffer) > LONGEST_LINE and b"\n" not in self._buffer:
            raise WorkerError("garbage", f"the worker wrote a line of more than {LONGEST_LINE} bytes")

    def _ended(self):
        """Its output ended; so does it, or it is made to."""
        try:
            status = self._process.wait(QUIT_SECONDS)
        except subprocess.TimeoutExpired:
            return WorkerError("garbage", "the worker closed its output and runs on")
        if status >= 0:
            return WorkerError("exited", f"the worker ended with status {status}{self._last_words()}")
        try:
            name = signal.Signals(-status).name
        except ValueError:
            name = f"signal {-status}"
        return WorkerError("crashed", f"{name}{self._last_words()}")

    def _last_words(self):
        self._stderr.seek(0)
        lines = self._stderr.read()[-2000:].decode("utf-8", "replace").strip().splitlines()
        return f"; it said: {lines[-1][:200]}" if lines else ""

    def finish(self):
        """Lets it leave by itself."""
        try:
            self.send("quit")
            self._process.wait(QUIT_SECONDS)
        except (WorkerError, subprocess.TimeoutExpired):
            pass
        self.kill()

    def kill(self):
        self._selector.close()
        self._process.kill()
        self._process.wait()
        for file in (self._process.stdin, self._process.stdout, self._stderr):
            try:
                file.close()
            except OSError:  # what was left in the pipe has no reader any more
                pass


def describe(path, timeout):
    """-> what the worker says of the machine, the compiler and its candidates"""
    process = Process([path, "--describe"], timeout)
    try:
        answer = process.receive()
    finally:
        process.kill()
    if answer.get("protocol") != PROTOCOL:
        raise WorkerError("protocol", f"the worker speaks protocol {answer.get('protocol')}, expected {PROTOCOL}")
    try:
        records.need(answer, {"level": str, "candidates": list}, "`describe`")
        records.validate_describe(answer)
    except records.Malformed as error:
        raise WorkerError("garbage", str(error)) from None
    return answer


class Worker:
    """A worker with a case.  `facts` is its first answer."""

    def __init__(self, path, line, providers, timeout):
        command = [path, "--case", line]
        for provider in providers:
            command += ["--provider", provider]
        self._process = Process(command, timeout)
        try:
            self.facts = self._process.receive()
            self._judge()
        except BaseException:
            self.kill()
            raise

    def _judge(self):
        if self.facts.get("ready") is False:
            raise named(self.facts)
        types = {"ready": bool, "case": dict, "line": str, "candidates": list}
        if not all(isinstance(self.facts.get(key), kind) for key, kind in types.items()):
            raise WorkerError("garbage", f"the worker's first answer is not `ready`: {str(self.facts)[:100]}")
        try:
            records.validate_case(self.facts["case"])
        except records.Malformed as error:
            raise WorkerError("garbage", f"the worker's case: {error}") from None

    def check(self, name):
        """-> the answer; a candidate that fails the gate is an answer, too"""
        answer = self._ask(f"check {name}", "check", name)
        if not isinstance(answer.get("ok"), bool):
            raise WorkerError("garbage", "a check without `ok`")
        if not answer["ok"]:
            answer["error"] = named(answer).fields()
        return answer

    def time(self, name, cache, seconds):
        answer = self._ask(f"time {name} {cache} {seconds:g}", "time", name)
        if "error" in answer:
            raise named(answer)
        for key in ("share", "seconds"):
            if not records.is_a(answer.get(key), records.NUMBER) or answer[key] <= 0:
                raise WorkerError("garbage", f"{key} {answer.get(key)!r} is no positive number")
        if answer["share"] >= records.MOST_SHARE:
            raise WorkerError("garbage", f"share {answer['share']!r} is no share of anything")
        return answer

    def _ask(self, command, key, name):
        self._process.send(command)
        answer = self._process.receive()
        if answer.get(key) != name:
            raise WorkerError("garbage", f"no answer to `{command}`: {str(answer)[:100]}")
        return answer

    def finish(self):
        self._process.finish()

    def kill(self):
        self._process.kill()


def named(answer):
    """-> the error that an answer names"""
    error = answer.get("error")
    if not isinstance(error, dict) or not isinstance(error.get("code"), str):
        return WorkerError("garbage", f"an error without a code: {str(answer)[:100]}")
    return WorkerError(error["code"], str(error.get("message", "")), named=True)
