"""What decode's time is made of.  Few query rows, so the memory sets the pace: K and V are read once, in parts of
`split` keys whose results are merged.  Prices as in costs.py; EFFICIENCY and OVERLAP were set by rows of
bench/README.md's D1 to D3 with one to 64 heads in a group."""

from machine import spilled
from shape import SIZES

EFFICIENCY = 0.72  # of the peak that vectors along head_dim reach: sums end in horizontal additions
KEY = 14.0  # slots of a key whatever the rows: pointers, maximum, loop
CONVERT = {"f32": 0.0, "f16": 1.0, "bf16": 1.0, "i8": 0.5, "i4": 11.0}  # slots of a vector of K or V to float
OVERLAP = 0.3  # of the shorter of reading and arithmetic that hides behind the longer
PART = 400.0  # slots to begin and end a part
RESTART = 4096.0  # bytes that the hardware's prefetcher does not ask for at the start of a part
MERGE = 3.0  # slots of a vector of O for each part
MERGE_ROW = 60.0  # slots of a row's statistics for each part


class Decode:
    def __init__(self, shape, machine, split):
        self.shape, self.machine, self.split = shape, machine, max(1, split)
        self.heads = shape.batch * shape.kv_heads
        self.rows = shape.group * shape.q_len
        self.parts = -(-shape.kv_len // self.split)
        workers = shape.threads
        self.by_split = workers > 1 and self.parts > 1 and 2 * workers * self.parts > self.heads * self.parts

    def pairs(self):
        """Are bfloat16 dot products used?"""
        shape = self.shape
        return shape.cache == shape.dtype == "bf16" and not shape.precise and self.machine.has_bf16_dot

    def peak(self):
        return self.machine.peaks["bf16_dot" if self.pairs() else "fma"]

    def reading(self):
        """Seconds; a memory that several threads read is not faster for it, caches are."""
        whole, threads, machine = self.shape.kv_bytes(), self.shape.threads, self.machine
        near = machine.near(whole / threads) / threads
        far = max(near, 1 / machine.bandwidth["memory"])
        return whole * (near + spilled(whole, machine.sizes["l3"]) * (far - near))

    def arithmetic(self):
        """Seconds of all threads together."""
        shape, machine = self.shape, self.machine
        keys = self.heads * shape.kv_len
        vectors = machine.vectors(shape.head_dim) + machine.vectors(shape.value_dim)
        converting = 0 if self.pairs() else CONVERT[shape.cache] * vectors
        flops = 2 * keys * self.rows * (shape.head_dim + shape.value_dim)
        return flops / (self.peak() * EFFICIENCY) + keys * (KEY + converting) * machine.slot

    def parts_seconds(self):
        shape, machine = self.shape, self.machine
        merge = self.rows * (machine.vectors(shape.value_dim) * MERGE + MERGE_ROW)
        width = (shape.head_dim + shape.value_dim) * SIZES[shape.cache]
        restart = min(RESTART, self.split * width) / machine.bandwidth["memory"]
        return self.heads * self.parts * ((PART + merge) * machine.slot + restart)

    def idle(self):
        """By how much longer the last thread works than it would if none were idle."""
        threads = self.shape.threads
        tasks = self.heads * self.parts if self.by_split else self.heads
        return -(-tasks // threads) * threads / tasks

    def cost(self):
        threads = self.shape.threads
        idle, reading = self.idle(), self.reading()
        arithmetic = self.arithmetic() / threads
        longer, shorter = max(reading, arithmetic), min(reading, arithmetic)
        hidden = OVERLAP * shorter
        busy = longer + shorter - hidden
        cost = {"reading": reading, "arithmetic": arithmetic - hidden, "parts": self.parts_seconds() / threads}
        cost["idle"] = (idle - 1) * (busy + cost["parts"])
        return cost

    def roof_seconds(self):
        """Nobody takes less: reading alone, or the multiplications alone."""
        return max(self.reading(), self.shape.useful_flops() / (self.peak() * self.shape.threads))

    def part_bytes(self):
        shape = self.shape
        size = SIZES[shape.cache]
        keys = min(self.split, shape.kv_len)
        return {"q": self.rows * shape.head_dim * 4, "k": keys * shape.head_dim * size,
                "v": 0 if shape.v_in_k else keys * shape.value_dim * size, "s": self.rows * min(keys, 256) * 4,
                "o": 3 * self.rows * shape.value_dim * 4}
