"""Which probabilities stay (operator documents: drop_mask, keep_prob, seed, offset): bits, or Philox4x32-7."""
from __future__ import annotations

from typing import List, Optional

import numpy as np

from .lengths import Entry
from .parameters import Parameters

_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_WEYL = (0x9E3779B9, 0xBB67AE85)
_LOW, _HIGH = np.uint64(0xFFFFFFFF), np.uint64(32)


def philox4x32(counter: np.ndarray, key: int, rounds: int) -> np.ndarray:
    """counter: uint32 (..., 4), key: 64 bits; uint32 (..., 4).  Salmon et al., Parallel Random Numbers, 2011."""
    c = [counter[..., word].astype(np.uint64) for word in range(4)]
    k = [key & 0xFFFFFFFF, key >> 32 & 0xFFFFFFFF]
    for _ in range(rounds):
        first, second = c[0] * _MULTIPLIERS[0], c[2] * _MULTIPLIERS[1]
        c = [second >> _HIGH ^ c[1] ^ np.uint64(k[0]), second & _LOW, first >> _HIGH ^ c[3] ^ np.uint64(k[1]),
             first & _LOW]
        k = [(each + step) & 0xFFFFFFFF for each, step in zip(k, _WEYL)]
    return np.stack(c, axis=-1).astype(np.uint32)


def counters(first: int, count: int, high: int = 0) -> np.ndarray:
    """uint32 (count, 4): the 64-bit counters first, first + 1, ... below `high`."""
    low = np.uint64(first) + np.arange(count, dtype=np.uint64)
    above = np.full(count, high, np.uint64)
    return np.stack([low & _LOW, low >> _HIGH, above & _LOW, above >> _HIGH], axis=-1).astype(np.uint32)


def philox_bytes(seed: int, offset: int, first_block: int, blocks: int) -> np.ndarray:
    """The generator's bytes from the 16 bytes of block `first_block` on, uint8 (16 * blocks)."""
    words = philox4x32(counters(-(-offset // 16) + first_block, blocks), seed, rounds=7)
    return words.astype("<u4").reshape(-1).view(np.uint8)


def keep_factors(p: Parameters, bits: Optional[np.ndarray], entry: Entry, every: List[Entry]) -> Optional[np.ndarray]:
    """(N1, S1, S2): 1 / keep_prob where a probability stays and 0 where it is dropped; None without dropout."""
    if not p.training or p.keep_prob == 1:
        return None
    keeps = _from_philox(p, entry, every) if p.philox else _from_bits(p, bits, entry, every)
    return keeps / p.keep_prob


def _from_bits(p: Parameters, bits: np.ndarray, entry: Entry, every: List[Entry]) -> np.ndarray:
    """One stream of bits, lowest first, over [b][N1][S1_b][S2_b]; rows need not begin at a byte."""
    sizes = [p.head_num * e.rows * e.keys for e in every]
    first, size = sum(sizes[:entry.index]), sizes[entry.index]
    stream = np.unpackbits(bits.reshape(-1), bitorder="little")
    return stream[first:first + size].reshape(p.head_num, entry.rows, entry.keys)


def _from_philox(p: Parameters, entry: Entry, every: List[Entry]) -> np.ndarray:
    """Rows take whole blocks of 16 bytes; what lies behind S2 is thrown away.  Sequences continue one stream."""
    blocks = [p.head_num * e.rows * -(-e.keys // 16) for e in every]
    random = philox_bytes(p.seed, p.offset, sum(blocks[:entry.index]), blocks[entry.index])
    rows = random.reshape(p.head_num, entry.rows, -(-entry.keys // 16) * 16)
    return rows[:, :, :entry.keys] <= p.keep_prob * 255
