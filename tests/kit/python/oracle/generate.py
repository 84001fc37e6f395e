"""The numbers of query, key and value of a case line, drawn again without the library.

Element i of a tensor is made of word i of its stream: 64 bits of Philox4x32-10 with the case's seed as key and the
counter (i / 2, stream); even words are the low half of a block and odd ones the high half.  Streams: query 1, key 2,
value 3, and 100 t more for entry t of a list.  Rows that no sequence owns become NaN afterwards, as do others that
nothing may read; init=onehot replaces query and key, which is not done here.
"""
from __future__ import annotations

from typing import Dict, Sequence

import numpy as np

from .dropout import counters, philox4x32

STREAMS = {"query": 1, "key": 2, "value": 3}
INITS = ("normal", "uniform", "poison", "huge", "ties", "empty")
ROOT3 = 1.7320508075688772
HALF_HUGE = 6e4


def words(seed: int, stream: int, count: int) -> np.ndarray:
    """The first `count` words of a stream, uint64."""
    blocks = philox4x32(counters(0, (count + 1) // 2, stream), seed, rounds=10)
    return blocks.astype("<u4").reshape(-1).view("<u8")[:count]


def normal(word: np.ndarray) -> np.ndarray:
    """Close to N(0, 1): the sum of a word's four 16-bit parts, float64."""
    parts = word.astype("<u8").view("<u2").reshape(-1, 4).sum(axis=1, dtype=np.int64)
    return (parts / 65535 - 2) * ROOT3


def uniform(word: np.ndarray) -> np.ndarray:
    """In [0, 1), from the highest 53 bits."""
    return (word >> np.uint64(11)).astype(np.float64) * 2.0**-53


def below(word: np.ndarray, count: int) -> np.ndarray:
    """Whole numbers in [0, count)."""
    return ((word >> np.uint64(1)) % np.uint64(count)).astype(np.float64)


def keys_of(line: str) -> Dict[str, str]:
    """"a=1 b=2" as a dict."""
    return dict(part.split("=", 1) for part in line.split())


def tensor(line: str, name: str, shape: Sequence[int], dtype: str) -> np.ndarray:
    """Query, key or value of a case line, or "key.2" of a list, before anything becomes NaN.

    shape: of the tensor, in the layout of the case.  dtype: what stores it: f32, f16, bf16, i8 or i4.
    """
    keys = keys_of(line)
    role, _, entry = name.partition(".")
    word = words(int(keys["seed"]), STREAMS[role] + 100 * int(entry or 0), int(np.prod(shape)))
    if dtype in ("i8", "i4"):
        values = below(word, 256) - 128 if dtype == "i8" else below(word, 16) - 8
    else:
        values = rounded(_reals(keys, role, dtype, word), dtype)
    return values.reshape(shape)


def _reals(keys: Dict[str, str], role: str, dtype: str, word: np.ndarray) -> np.ndarray:
    init, spread = keys.get("init", "normal"), float(keys.get(f"sd_{role[0]}", "1"))
    if init not in INITS:
        raise ValueError(f"init: got {init}, want one of {', '.join(INITS)}")
    mean = 3 * spread if role == "value" and keys.get("v_mean", "0") == "1" else 0
    if init == "uniform":
        return mean + spread * (2 * uniform(word) - 1)
    if init == "ties" and role != "value":
        return below(word, 5) - 2 if role == "query" else np.ones(len(word))
    if init != "huge":
        return mean + spread * normal(word)
    number = normal(word)
    if role == "value":
        return 1e4 * number
    far = np.copysign(HALF_HUGE, number)
    return np.where((dtype == "f16") & (np.abs(number) > 2), far, 100 * number)


def rounded(values: np.ndarray, dtype: str) -> np.ndarray:
    """To float32, and from there to the nearest number of the type, to even at ties; float64."""
    single = values.astype(np.float32)
    if dtype == "f16":
        return single.astype(np.float16).astype(np.float64)
    if dtype == "bf16":
        bits = single.view(np.uint32)
        bits = bits + (np.uint32(0x7FFF) + (bits >> np.uint32(16) & np.uint32(1))) & np.uint32(0xFFFF0000)
        single = bits.view(np.float32)
    return single.astype(np.float64)
