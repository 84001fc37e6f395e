"""The machine as the cache model sees it: what a worker describes, in units of the multiply-add."""

LANES = {"avx512": 16, "avx2": 8, "base": 4, "plain": 1}  # floats of a vector
REGISTERS = {"avx512": 32}
OWN_BLOCK = {"avx512": (4, 4), "plain": (2, 16)}  # simd/microkernel-inl.hpp; the others' is 6 x 2
ARM = {"registers": 32, "block": (4, 4)}  # of `base` there

# Where a worker did not probe: bytes a core reads from each level in the time of one vector multiply-add.
USUAL_BYTES = {"l1": 64, "l2": 32, "l3": 16, "memory": 6}
USUAL_SIZES = {"l1d": 32 << 10, "l2": 1 << 20, "l3": 16 << 20}


class Machine:
    """A slot is the time of one vector multiply-add of the instruction set in use."""

    def __init__(self, describe):
        self.isa = describe["isa"]
        arm = self.isa == "base" and "arm" in describe["machine"].get("vendor", "").lower()
        self.lanes = LANES[self.isa]
        self.registers = ARM["registers"] if arm else REGISTERS.get(self.isa, 16)
        self.own_block = ARM["block"] if arm else OWN_BLOCK.get(self.isa, (6, 2))
        self.sizes = {level: describe["machine"].get(level) or usual for level, usual in USUAL_SIZES.items()}
        self.cpus = max(1, int(describe["machine"].get("usable_cpus") or 1))
        probes = describe.get("probes", {})
        self.fma = probes.get("fma") or 1e11
        self.slot = 2 * self.lanes / self.fma
        self.bandwidth = {level: probes.get(level) or usual / self.slot for level, usual in USUAL_BYTES.items()}
        self.has_bf16_dot = bool(describe.get("bf16_dot"))
        self.has_int8_dot = bool(describe.get("int8_dot"))
        # FLOP/s of each way to multiply, and the seconds of one of its vector instructions: 2, 4 or 8 FLOPs a lane.
        self.peaks = {"fma": self.fma, "bf16_dot": probes.get("bf16_dot") or 2 * self.fma,
                      "int8_dot": probes.get("int8_dot") or 4 * self.fma}

    def instruction(self, peak):
        return {"fma": 2, "bf16_dot": 4, "int8_dot": 8}[peak] * self.lanes / self.peaks[peak]

    def vectors(self, floats):
        return -(-floats // self.lanes)

    def near(self, footprint):
        """Seconds a byte of reading what is `footprint` bytes large again and again, if the third level holds it."""
        cost = 1 / self.bandwidth["l1"]
        for level, room in (("l2", self.sizes["l1d"]), ("l3", self.sizes["l2"])):
            cost += spilled(footprint, room) * max(0, 1 / self.bandwidth[level] - cost)
        return cost

    def seconds_per_byte(self, footprint):
        """The same of any size."""
        near = self.near(footprint)
        return near + spilled(footprint, self.sizes["l3"]) * max(0, 1 / self.bandwidth["memory"] - near)

    def evicted(self, footprint):
        """Seconds a byte of reading again what the second level should hold beside all else that streams through it."""
        return spilled(footprint, self.sizes["l2"], 0.25, 1.0) / self.bandwidth["l3"]

    def near_waiting(self, footprint):
        """What a reading from the second level takes more than one from the first."""
        return spilled(footprint, self.sizes["l1d"]) * max(0, 1 / self.bandwidth["l2"] - 1 / self.bandwidth["l1"])

    def waiting(self, footprint):
        """What of it a reading from the first level would not take."""
        return max(0, self.seconds_per_byte(footprint) - 1 / self.bandwidth["l1"])


def spilled(footprint, room, first=0.75, last=1.5):
    """The share of what is walked again and again that a cache of `room` bytes no longer holds: none up to `first` of
    it (other things want a place, too), all from `last` of it on, as the least recently used go first."""
    return min(1.0, max(0.0, (footprint / room - first) / (last - first)))
