#!/usr/bin/env python3
"""A worker of glint-tune that measures nothing: speaks the protocol, and misbehaves where FAKE_WORKER says so.

FAKE_WORKER names a JSON file:
  "shares": {candidate: share}     what `time` answers, by turns 0.1 % more and less: nothing here is left to chance
  "by_line": {text: {...}}         the same, for cases whose line contains the text
  "noise": {candidate: share}      more noise
  "trouble": {candidate: what}     crash, hang, garbage, nan, chatter, exit, close, no share; or an
                                   error's code, with or without "named " before it, to name that error
  "trouble_in": "check" | "time"   where (time)
  "start": {text: what}            trouble at the start of cases whose line contains the text
  "describe": {...}                replaces fields of --describe
  "seconds": s                     that each measurement takes
  "log": path                      gets a line for each start and command: process, op=..., command
"""

import json
import os
import signal
import sys
import time

MACHINE = {"cpu_model": "Imagined", "vendor": "AuthenticAMD", "family": 25, "model": 17, "usable_cpus": 2,
           "governor": "performance", "smt": False, "l1d": 32768, "l2": 1048576, "l3": 33554432}
FLASH = ["builtin", "flash/64x128x4/4x4", "flash/64x64x1/4x4", "flash/32x128x4/4x4", "flash/64x192x4/4x4"]
NAMES = {"fwd": FLASH, "prompt": FLASH, "bwd": ["builtin", "gradient/64x64x1/4x4", "gradient/64x128x1/4x4"],
         "incre": ["builtin", "split/512", "split/1024", "split/2048"]}
DESCRIBE = {"protocol": 1, "level": "smoke", "isa": "avx512", "machine": MACHINE, "compiler": "g++ 12.2.0",
            "flags": "-O2", "bf16_dot": True, "int8_dot": True,
            "probes": {"fma": 8e10, "bf16_dot": 1.6e11, "int8_dot": 3e11, "l1": 3e11, "l2": 1.5e11, "l3": 6e10,
                       "memory": 2e10},
            "candidates": [{"op": op, "dtype": "f32", "name": name} for op, names in NAMES.items() for name in names]}
DEFAULTS = {"b": 1, "mode": 0, "layout": "BNSD", "precise": 0, "block": 0, "vink": 0, "qkv": "apart", "threads": 1}


def say(answer):
    print(json.dumps(answer), flush=True)


def misbehave(what, key, name):
    """Answers a command in a bad way."""
    if what == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif what == "hang":
        time.sleep(1000)
    elif what == "garbage":
        print("Segmentation fault (imagined)", flush=True)
    elif what == "chatter":
        sys.stdout.write("x" * (3 << 20))
        sys.stdout.flush()
    elif what == "exit":
        sys.stderr.write("no more of this\n")
        sys.exit(3)
    elif what == "close":
        os.close(1)
        time.sleep(1000)
    elif what == "nan":
        print('{"%s":"%s","cache":"warm","seconds":NaN,"share":0.5}' % (key, name), flush=True)
    elif what == "no share":
        say({key: name, "cache": "warm", "seconds": 0.01})
    else:
        code = what.removeprefix("named ")
        say({key: name, "ok": False, "error": {"code": code, "message": "as it was told"}})


def parse(line):
    words = dict(word.split("=") for word in line.split())
    case = {**DEFAULTS, "nkv": words["n"], "skv": words["sq"], "dv": words["d"], "cache": words["dtype"], **words}
    texts = ("op", "dtype", "cache", "layout", "qkv")
    return {key: value if key in texts else int(value) for key, value in case.items()}


def script():
    path = os.environ.get("FAKE_WORKER")
    if not path:
        return {}
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def turn(what):
    """1 and -1 by turns, though each round has a process of its own: a file keeps count."""
    path = f"{os.environ['FAKE_WORKER']}.{what.replace('/', '-')}"
    with open(path, "ab") as file:
        file.write(b"x")
        return 1 if file.tell() % 2 else -1


class Fake:
    def __init__(self, line, providers):
        self.script = script()
        self.log(line.split(" ")[0], "start\n")
        for text, what in self.script.get("start", {}).items():
            if text in line:
                misbehave(what, "ready", "")
        try:
            self.case = parse(line)
        except (ValueError, KeyError) as error:
            say({"ready": False, "error": {"code": "bad_case", "message": f"cannot read it: {error}"}})
            sys.exit(2)
        for text, more in self.script.get("by_line", {}).items():
            if text in line:
                self.script = {**self.script, **more}
        foreign = [f"provider:{os.path.basename(each)}" for each in providers]
        say({"ready": True, "case": self.case, "line": line, "useful_flops": 1e9, "dense_flops": 2e9, "bytes": 1e6,
             "peak": "fma", "candidates": NAMES[self.case["op"]] + foreign})

    def log(self, op, command):
        if "log" in self.script:
            with open(self.script["log"], "a", encoding="utf-8") as file:
                file.write(f"{os.getpid()} {op} {command}")

    def serve(self):
        for command in sys.stdin:
            self.log(f"op={self.case['op']}", command)
            key, *words = command.split()
            if key == "quit":
                return
            self.answer(key, *words)

    def answer(self, key, name, cache=None, _seconds=None):
        say({"begin": name})
        what = self.script.get("trouble", {}).get(name)
        if what and key == self.script.get("trouble_in", "time"):
            misbehave(what, key, name)
        elif key == "check":
            say({"check": name, "ok": True, "worst": 0.03, "rows": 16})
        else:
            time.sleep(self.script.get("seconds", 0))
            noise = self.script.get("noise", {}).get(name, 0.001)
            share = self.script.get("shares", {}).get(name, 0.5) * (1 + noise * turn(f"{self.case['op']} {name}"))
            say({"time": name, "cache": cache, "seconds": 0.01 / share, "calls": 3, "peak_flops": 8e10,
                 "share": share, "best_share": share, "workspace": 0, "load": 0.5})


def main():
    if sys.argv[1] == "--describe":
        say({**DESCRIBE, **script().get("describe", {})})
    else:
        Fake(sys.argv[2], sys.argv[4::2]).serve()


if __name__ == "__main__":
    main()
