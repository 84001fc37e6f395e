"""Records as a sweep writes them, made up: shares are the model's with some noise."""

import random
import zlib

import model
from shape import Shape

DESCRIBE = {
    "protocol": 1, "level": "default", "isa": "avx512", "compiler": "g++ 12.2.0", "flags": "-O2 -DNDEBUG",
    "bf16_dot": True, "int8_dot": True,
    "machine": {"cpu_model": "AMD EPYC (family 25, model 17)", "vendor": "AuthenticAMD", "family": 25, "model": 17,
                "usable_cpus": 2, "governor": "unknown", "smt": "off", "l1d": 32 << 10, "l2": 1 << 20, "l3": 32 << 20},
    "probes": {"fma": 117e9, "bf16_dot": 234e9, "int8_dot": 468e9,
               "l1": 220e9, "l2": 105e9, "l3": 50e9, "memory": 29e9},
}
USUAL = {"b": 1, "nkv": None, "skv": None, "d": 64, "dv": None, "mode": 0, "layout": "BNSD", "precise": 0, "block": 0,
         "threads": 1}
TILES = [f"flash/{rows}x{columns}x4/{block}" for rows in (32, 64) for columns in (64, 128, 192, 256, 384)
         for block in ("4x4", "8x2")]
GRADIENTS = [f"gradient/{rows}x{columns}x1/4x4" for rows in (32, 64) for columns in (32, 64, 128)]
SPLITS = [f"split/{keys}" for keys in (256, 512, 1024, 2048, 4096)]


def case_of(line):
    case = {**USUAL, **{key: int(value) if value.isdigit() else value
                        for key, value in (token.split("=") for token in line.split())}}
    case["nkv"], case["skv"] = case["nkv"] or case["n"], case["skv"] or case["sq"]
    case["dv"], case["cache"] = case["dv"] or case["d"], case.get("cache", case["dtype"])
    return case


def names_of(case):
    """All that is said to run a case."""
    if case["op"] == "bwd":
        return ["builtin"] + GRADIENTS
    splits = SPLITS + ["flash/64x128x4/4x4"] if case["op"] == "incre" else TILES
    return ["builtin"] + splits + ["provider:eigen"]


def share_of(case, name, evaluated):
    """The model's, and of the foreign kernel one that is good at short sequences."""
    return evaluated["predicted_share"] or 0.9 / (1 + int(case["skv"]) / 300)


def records(lines, describe=None, repetitions=4, noise=0.003, factor=1.0, keep=12):
    describe = describe or DESCRIBE
    found = [{"kind": "run", "format": 1, "started": "2026-11-21T20:00:00+00:00", "describe": describe,
              "git": "abc1234"}]
    for line in lines:
        found += of_case(line, describe, repetitions, noise, factor, keep)
    return found


def of_case(line, describe, repetitions, noise, factor, keep):
    case = case_of(line)
    shape, chosen = Shape(case), model.prune(case, names_of(case), describe, keep)
    flops = shape.useful_flops()
    size = 4 * shape.batch * shape.q_len * shape.heads * (shape.head_dim + shape.value_dim) + shape.kv_bytes()
    yield {"kind": "case", "line": line, "case": case, "useful_flops": flops, "bytes": size, "candidates": chosen}
    generator = random.Random(zlib.crc32(line.encode()))
    for each in chosen:
        if not each["kept"]:
            continue
        yield {"kind": "check", "line": line, "name": each["name"], "ok": True, "worst": 0.1, "rows": 16}
        for repetition in range(repetitions):
            share = factor * share_of(case, each["name"], each["model"]) * generator.gauss(1, noise)
            yield {"kind": "time", "line": line, "name": each["name"], "cache": "warm", "repetition": repetition,
                   "share": share, "seconds": flops / (share * 117e9), "peak_flops": 117e9, "calls": 3}
    yield {"kind": "done", "line": line, "cache": "warm"}
