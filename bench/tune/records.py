"""Files of results: one JSON object a line, only ever appended to.

A measurement is on disk before the next one begins, so whatever ends a sweep costs at most the running measurement.
The last line may be torn by that: readers ignore it, the next sweep cuts it.  Anything else that is malformed is an
error with the name of the file and the number of the line, because numbers that nobody understands must not be
judged by.
"""

import fcntl
import json
import math
import os
import stat

from errors import Usage

FORMAT = 1

NUMBER = (int, float)
TEXT_OR_NONE = (str, type(None))
FIELDS = {  # what a record of each kind must have; more is welcome
    "run": {"format": int, "started": str, "describe": dict},
    "case": {"line": str, "case": dict, "candidates": list},
    "check": {"line": str, "name": str, "ok": bool},
    "time": {"line": str, "name": str, "cache": str, "repetition": int, "seconds": NUMBER, "share": NUMBER},
    "error": {"line": str, "name": TEXT_OR_NONE, "error": dict},
    "done": {"line": str, "cache": str},
}


# What readers rely on of what is in them: must be there, and must be of these types if it is there.
DESCRIBE = {"isa": str, "machine": dict, "compiler": str, "flags": str}
MACHINE_IF_THERE = dict.fromkeys(("family", "model", "usable_cpus", "l1d", "l2", "l3"), NUMBER)
PROBES_IF_THERE = dict.fromkeys(("fma", "bf16_dot", "int8_dot", "l1", "l2", "l3", "memory"), NUMBER)
CASE = {"op": str, "dtype": str, **dict.fromkeys(("b", "n", "nkv", "sq", "skv", "d", "dv"), int)}
CASE_IF_THERE = {**dict.fromkeys(("mode", "pre", "next", "precise", "block", "vink", "threads"), int),
                 **dict.fromkeys(("cache", "layout", "qkv"), str)}
OPS = ("fwd", "bwd", "prompt", "incre")
MOST_SHARE = 1000  # more is no share of anything


class Malformed(ValueError):
    pass


def no_constant(name):
    raise Malformed(f"{name} is no number of JSON")


def parse(text):
    """-> the object that a line of JSON holds.  Python's parser takes NaN, duplicate keys and bare values: not here."""
    try:
        value = json.loads(text, parse_constant=no_constant, object_pairs_hook=without_duplicates)
    except (ValueError, RecursionError) as error:
        raise Malformed(str(error)) from None
    if not isinstance(value, dict):
        raise Malformed("not a JSON object")
    return value


def without_duplicates(pairs):
    found = {}
    for key, value in pairs:
        if key in found:
            raise Malformed(f"the key {key!r} twice in one object")
        found[key] = value
    return found


def is_a(value, types):
    """Is `value` of one of `types`?  Truth values are no numbers, and neither is what overflows."""
    if isinstance(value, bool):
        return types is bool
    return isinstance(value, types) and not (isinstance(value, float) and not math.isfinite(value))


def need(found, fields, what):
    for field, types in fields.items():
        if field not in found or not is_a(found[field], types):
            raise Malformed(f"{what} needs `{field}`")


def allow(found, fields, what):
    """The same of what may be missing, or null: not known."""
    need(found, {field: types for field, types in fields.items() if found.get(field) is not None}, what)


def validate_describe(describe):
    need(describe, DESCRIBE, "`describe`")
    allow(describe, {"probes": dict}, "`describe`")
    allow(describe["machine"], MACHINE_IF_THERE, "`machine`")
    allow(describe.get("probes") or {}, PROBES_IF_THERE, "`probes`")


def validate_case(case):
    need(case, CASE, "`case`")
    allow(case, CASE_IF_THERE, "`case`")
    if case["op"] not in OPS:
        raise Malformed(f"op {case['op']!r} is not one of {', '.join(OPS)}")
    for field, types in CASE.items():
        if types is int and case[field] < 1:
            raise Malformed(f"`{field}` must be 1 or more")


def is_candidate(each):
    if not (isinstance(each, dict) and isinstance(each.get("name"), str) and isinstance(each.get("kept"), bool)):
        return False
    model = each.get("model") or {}
    return isinstance(model, dict) and isinstance(model.get("notes") or [], list)


def validate(record):
    kind = record.get("kind")
    if not isinstance(kind, str) or kind not in FIELDS:
        raise Malformed(f"kind {kind!r} is not one of {', '.join(FIELDS)}")
    need(record, FIELDS[kind], f"a record of kind {kind}")
    if kind == "run":
        if record["format"] != FORMAT:
            raise Malformed(f"format {record['format']}, this program reads format {FORMAT}")
        validate_describe(record["describe"])
    if kind == "time" and not (0 < record["share"] < MOST_SHARE and record["seconds"] > 0):
        raise Malformed(f"share and seconds must be positive, and a share less than {MOST_SHARE}")
    if kind == "check" and not record["ok"]:
        need(record, {"error": dict}, "a check that failed")
    if kind == "case":
        validate_case(record["case"])
        if not all(map(is_candidate, record["candidates"])):
            raise Malformed("each candidate needs `name` and `kept`, and an object where it has a `model`")


def scan(path, data):
    """-> (records, how many bytes of `data` are whole lines)"""
    records, whole = [], 0
    lines = data.split(b"\n")
    for number, line in enumerate(lines, 1):
        torn = number == len(lines)  # nothing ended it
        if torn and not line:
            break
        try:
            record = parse(line.decode("utf-8"))
            validate(record)
            if not records and record["kind"] != "run":
                raise Malformed("the first record must be of kind run")
        except (Malformed, UnicodeDecodeError) as error:
            if torn and records:
                break
            raise Usage(f"{path}:{number}: {error}") from None
        records.append(record)
        whole += len(line) + 1
    return records, whole


def read(path):
    """-> the records of a file, without a torn last line"""
    try:
        with open(path, "rb") as file:
            records, _ = scan(path, file.read())
    except OSError as error:
        raise Usage(f"{path}: {error.strerror}") from None
    if not records:
        raise Usage(f"{path}: no records")
    return records


def describe(records):
    """-> what the worker said of the machine, its compiler and itself, in the last run"""
    return next(record["describe"] for record in reversed(records) if record["kind"] == "run")


class Memory:
    """In place of a Log where nothing is to be kept."""

    def __init__(self):
        self.records = []

    def append(self, kind, **fields):
        record = {"kind": kind, **fields}
        validate(record)
        self.records.append(record)


class Log:
    """A file to append to, for one process at a time.  `records` are those that were there."""

    def __init__(self, path):
        self.path = path
        try:
            os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Usage(f"{path}: another sweep writes to it") from None
        except OSError as error:
            raise Usage(f"{path}: {error.strerror}") from None
        if not stat.S_ISREG(os.fstat(self._file).st_mode):
            raise Usage(f"{path}: not a file that can be continued")
        with open(path, "rb") as file:
            data = file.read()
        self.records, whole = scan(path, data)
        self.cut = len(data) - whole if whole < len(data) else 0
        if self.cut:
            os.ftruncate(self._file, whole)
        elif whole > len(data):  # an editor's doing: complete, but the newline
            os.write(self._file, b"\n")

    def append(self, kind, **fields):
        record = {"kind": kind, **fields}
        validate(record)
        line = json.dumps(record, separators=(",", ":"), allow_nan=False).encode() + b"\n"
        try:
            while line:  # a full disk may take a part of it, and then says why
                line = line[os.write(self._file, line):]
        except OSError as error:
            raise Usage(f"{self.path}: {error.strerror}; what was measured before is kept") from None
        self.records.append(record)
        return record

    def close(self):
        os.close(self._file)
