"""What a kernel's time is made of, from first principles; model.py explains it.

Every function returns {part: seconds}.  Prices are in slots, the time of one vector multiply-add, for which a core
also loads one vector: so it is on the CPUs that run AVX2 and AVX-512.  Prices were counted in the kernels' source.
Then nine of them (EXP, SCORE, VISIT, BLOCK, SPILL, ADDRESS, KEYS, FAR, RETURN) were set by hand, in round numbers, by
the built-in tiles of bench/ (P1 to P5, T1, T2) on a quiet Zen 4 core and by a sweep of all candidates on a busy one
(agreement_test.py); a least squares fit of all prices to that sweep is no better by more than a hundredth of the
residual.
"""

import collections

from shape import SIZES, UNIT, round_up

LOAD = 1.0  # slots of a load or broadcast; loads and multiply-adds run side by side
CHAINS = 8  # multiply-adds under way at a time: latency times units.  Smaller register blocks wait
BLOCK = 5.0  # slots to fill and drain the pipeline around a register block's loop
EXP = {"avx512": 9.5}  # slots of max, exp, sum and store of a vector of scores
EXP_USUAL = 17.0  # without an instruction that scales by powers of two
EXP_PAIRS = 8.5  # polynomial of degree 3, and rounding to bfloat16
ROUND_BYTES = 15.0  # more, where operators 4.1 rounds scores and P to binary16
SCORE = 1.5  # slots to store a vector of scores and take its maximum
SUM = 2.5  # slots to load, update and store a vector of sums
TERMS = 6.0  # the gradient, beside exp: dS and one more store, of a vector of scores
MASK = 4.0  # slots to exclude and take the maximum again, of a vector of scores
WORD = 4.0  # slots of one key's word of mask bits
TRANSPOSE = 8.0  # slots of a vector of q on its way into lanes, or of O on its way out
CONVERT = 1.5  # slots of a vector of K or V to float
INTERLEAVE = 2.0  # slots of a vector of K or V, as pairs or quads
VISIT = 300.0  # slots of a key tile: calls, loops that start anew, what is asked for ahead
TILE = 1000.0  # slots of a query tile: calls, state, statistics
CHAIN = 64  # keys after which float sums over keys are closed (kernel/softmax_tile-inl.hpp)
STRIP = 16  # keys of a strip of a partial tile (kernel/products-inl.hpp)
ADDRESS = 0.1  # slots of each row of a block beyond 8, where addresses of rows no longer fit into registers
SPILL = 5.0  # slots of a sum that waits in memory while a chain of others is made
KEYS = 0.7  # of the time that K and V take from the second level: each line waits for its first use
RETURN = 0.7  # of the time that a query tile takes to come back when its turn is again
FAR = 0.05  # of the time that what was evicted from the second level takes to come back
EXPOSED = 0.02  # of the time that operands take from behind the first level: the rest hides behind arithmetic

Tile = collections.namedtuple("Tile", "rows columns shared block")  # block: (MR, NV); (0, 0) is the ISA's own


class Way:
    """How a case multiplies: in float ("singles"), by bfloat16 dot products ("pairs") or by bytes ("quads")."""

    def __init__(self, shape, machine):
        element = shape.cache if shape.op in ("prompt", "incre") else shape.dtype
        self.kind, self.peak, self.step = "singles", "fma", 1
        self.measure = "fma"  # what a share is of
        if element == "bf16" and shape.dtype == "bf16" and not shape.precise and machine.has_bf16_dot:
            self.measure = "bf16_dot"
            whole = shape.head_dim % 32 == 0 and shape.value_dim % 32 == 0
            if whole or shape.op != "bwd":  # ops/gradient_plan.hpp
                self.kind, self.peak, self.step = "pairs", "bf16_dot", 2
        elif shape.op == "prompt" and shape.dtype == "i8" and machine.has_int8_dot:
            self.kind, self.peak, self.step, self.measure = "quads", "int8_dot", 4, "int8_dot"
        self.size = SIZES[element]
        self.stages = element != "f32"
        self.exp = EXP_PAIRS if self.kind == "pairs" else EXP.get(machine.isa, EXP_USUAL)
        if shape.op == "prompt" and shape.dtype == "i8":
            self.exp += ROUND_BYTES
        self.instruction = machine.instruction(self.peak)
        self.chain = CHAIN if self.kind == "singles" else None  # sums over keys are closed

    def staged_size(self):
        """Bytes of a number of K and V as the products read it."""
        return 4 if self.kind == "singles" and self.stages else self.size


def blocks_of(count, rows):
    """(rows of a block, how many): blocks of MR rows, and smaller ones behind, as for_blocks has them."""
    found = []
    for size in sorted({rows, 4 if rows > 4 else 0, 2 if rows > 2 else 0, 1} - {0}, reverse=True):
        if count >= size:
            found.append((size, count // size))
            count %= size
    return found


class Costs:
    def __init__(self, shape, machine, tile):
        self.shape, self.machine, self.tile = shape, machine, tile
        self.way = Way(shape, machine)
        own, lanes = machine.own_block, machine.lanes
        wide = max(1, tile.rows // lanes)
        wanted = tile.block if tile.block != (0, 0) else own
        self.vecs = min(wide, wanted[1])
        self.unit = 1 if min(wide, own[1]) == 4 else min(wide, own[1])  # vectors of the narrowest group of lanes
        self.block = (self.rows_of(self.vecs), self.vecs)
        staged = self.way.stages or (shape.page and shape.page % tile.columns != 0)
        self.together = tile.shared if staged or shape.op == "bwd" else 1
        self.staged = staged

    def rows_of(self, vecs):
        if vecs == self.tile.block[1]:
            return self.tile.block[0]
        return self.machine.own_block[0] if vecs == self.machine.own_block[1] else 8

    def lanes(self, rows):
        return round_up(rows, self.unit * self.machine.lanes)

    def strip_bytes(self):
        """What the micro-kernel walks again and again: a block's lanes of Q, or of P, and the rows it multiplies."""
        shape, width = self.shape, self.vecs * 4 * self.machine.lanes
        depth = max(shape.head_dim, self.tile.columns)
        return -(-depth // self.way.step) * width + self.block[0] * shape.head_dim * self.way.staged_size()

    # ---- one product of a tile

    def groups(self, vectors, whole):
        """(vectors of a register block, how many side by side)."""
        found = [(whole, vectors // whole)]
        rest = vectors % whole
        for size in (2, 1):
            if size < whole and rest >= size:
                found.append((size, rest // size))
                rest %= size
        return [(size, count) for size, count in found if count]

    def product(self, count, vectors, depth, row_bytes, streamed=0, chain=None, adjacent=False):
        """(seconds at work, seconds of waiting) of `count` x `vectors` sums of `depth` steps.  row_bytes: from one step
        of B to the next; streamed: bytes beside B that are in use.  Of a part of the lanes whole rows are fetched, too:
        that is how prefetchers are."""
        slots, walked = 0.0, 0.0
        chains = 1 if chain is None else -(-depth // chain)
        for vecs, side in self.groups(vectors, self.vecs):
            for rows, blocks in blocks_of(count, self.rows_of(vecs)):
                step = max(rows * vecs, LOAD * (rows + vecs), CHAINS) + (0 if adjacent else ADDRESS * max(0, rows - 8))
                kept = max(0, 2 * rows * vecs - self.machine.registers) if chain else 0
                slots += side * blocks * (depth * step + BLOCK + chains * (rows * vecs + SPILL * kept))
                walked += side * blocks * depth * row_bytes
        return slots * self.way.instruction, walked * self.price_of_walking(depth * row_bytes + streamed)

    def price_of_keys(self):
        """Seconds a byte of K and V, which are broadcast number by number: every line waits for its first use."""
        held = self.active_bytes()
        return KEYS * self.machine.near_waiting(held) + FAR * self.machine.evicted(held)

    def price_of_walking(self, strip):
        """Seconds a byte of Q, P and their like, which are walked once for each block of rows."""
        return EXPOSED * self.machine.near_waiting(strip) + FAR * self.machine.evicted(self.active_bytes())

    # ---- one box

    def seen_units(self, box):
        """The keys that each vector of lanes, by units, takes part in: [(lo, hi)], of a partial box."""
        width = self.unit * self.machine.lanes
        if width < UNIT:
            vectors = self.machine.vectors(self.lanes(box.rows))
            return [pair for pair in box.seen for _ in range(UNIT // width)][:vectors]
        step, units = width // UNIT, []
        for i in range(0, len(box.seen), step):
            part = [pair for pair in box.seen[i:i + step] if pair[1] > pair[0]]
            units.append((min(lo for lo, _ in part), max(hi for _, hi in part)) if part else (0, 0))
        return units

    def strips(self, box):
        """(keys, vectors) of the strips of a partial box: lanes that see nothing of a strip are left out."""
        units = self.seen_units(box)
        found = []
        for key in range(0, box.keys, STRIP):
            some = [i for i, (lo, hi) in enumerate(units) if lo < key + STRIP and hi > key]
            if some:
                found.append((min(STRIP, box.keys - key), (some[-1] - some[0] + 1) * self.unit))
        return found

    def score_product(self, box, vectors, dim):
        depth = -(-dim // self.way.step)
        streamed, row = 4 * dim * self.way.staged_size(), 4 * self.tile.rows
        if box.seen is None:
            return self.product(box.keys, vectors, depth, row, streamed)
        parts = [self.product(keys, wide, depth, row, streamed) for keys, wide in self.strips(box)]
        return sum(part[0] for part in parts), sum(part[1] for part in parts)

    def value_product(self, box, vectors, dim):
        """The product with V, whose keys are closed into chains."""
        streamed = box.keys * 64  # a line of each row of V
        depth = -(-box.keys // self.way.step)
        pieces = [(vectors, depth)]
        if box.seen is not None:
            units = self.seen_units(box)
            total = sum(hi - lo for lo, hi in units) * self.unit
            if 16 * total < 15 * box.keys * vectors:
                pieces = [(self.unit, -(-(hi - lo) // self.way.step)) for lo, hi in units if hi > lo]
        parts = [self.product(dim, wide, steps, 4 * self.tile.rows, streamed, self.way.chain, adjacent=True)
                 for wide, steps in pieces]
        return sum(part[0] for part in parts), sum(part[1] for part in parts)

    def forward_box(self, box):
        machine, shape = self.machine, self.shape
        vectors = machine.vectors(self.lanes(box.rows))
        scores = box.keys * vectors
        first, first_memory = self.score_product(box, vectors, shape.head_dim)
        second, second_memory = self.value_product(box, vectors, shape.value_dim)
        width = shape.head_dim + shape.value_dim
        keys = box.keys * width * self.way.staged_size() * -(-vectors // self.vecs)
        return {
            "products": first + second,
            "exp": scores * self.way.exp * machine.slot,
            "scores": scores * SCORE * machine.slot,
            "sums": shape.value_dim * vectors * SUM * machine.slot,
            "calls": VISIT * machine.slot,
            "mask": 0 if box.seen is None else (scores * MASK + box.keys * WORD) * machine.slot,
            "caches": first_memory + second_memory + keys * self.price_of_keys() + self.returning(),
        }

    def gradient_box(self, box):
        machine, shape = self.machine, self.shape
        vectors = machine.vectors(self.lanes(box.rows))
        scores = box.keys * vectors
        parts = [self.score_product(box, vectors, dim) for dim in (shape.head_dim, shape.value_dim)]
        parts.append(self.value_product(box, vectors, shape.head_dim))
        strips = [(box.keys, vectors)] if box.seen is None else self.strips(box)
        for dim in (shape.head_dim, shape.value_dim):
            for keys, wide in strips:
                steps = -(-min(box.rows, wide * machine.lanes) // self.way.step)
                parts.append(self.product(keys, machine.vectors(dim), steps, 4 * dim, 4 * 4 * box.rows))
        width = shape.head_dim + shape.value_dim
        sums = shape.head_dim * vectors + box.keys * machine.vectors(width)
        touched = box.keys * width * (1.5 * self.way.staged_size() * -(-vectors // self.vecs) + 2 * 4)
        return {
            "products": sum(part[0] for part in parts),
            "exp": scores * (self.way.exp + TERMS) * machine.slot,
            "scores": scores * SCORE * machine.slot,
            "sums": sums * SUM * machine.slot,
            "calls": VISIT * machine.slot,
            "mask": 0 if box.seen is None else (scores * MASK / 2 + box.keys * WORD) * machine.slot,
            "caches": sum(part[1] for part in parts) + touched * self.price_of_keys() + self.returning(),
        }

    # ---- what is done once for a query tile, or for a key tile

    def tile_parts(self):
        """Bytes of the tiles that a query tile works on: q, k, v, s, o, as they are kept."""
        shape, tile, packed = self.shape, self.tile, 4 // self.way.step
        width = self.way.staged_size()
        parts = {"q": tile.rows * shape.head_dim * packed, "k": tile.columns * shape.head_dim * width,
                 "v": tile.columns * shape.value_dim * width, "s": tile.columns * tile.rows * 4,
                 "o": tile.rows * shape.value_dim * 4}
        if shape.op == "bwd":
            parts.update({"ds": parts["s"], "d_o": tile.rows * shape.value_dim * packed,
                          "d_k": tile.columns * shape.head_dim * 4, "d_v": tile.columns * shape.value_dim * 4})
        return parts

    def active_bytes(self):
        """What one query tile and its key tile walk."""
        return sum(size for part, size in self.tile_parts().items() if part not in ("d_k", "d_v"))

    def returning(self):
        """Seconds until the tiles of a query are back, where others used the caches since the last key tile."""
        if self.together == 1:
            return 0.0
        each = self.tile_parts()
        own = sum(each[part] for part in ("q", "o", "d_o") if part in each)
        return RETURN * own * self.machine.evicted(self.tile_bytes())

    def tile_bytes(self):
        """Of all query tiles that walk the keys together."""
        each = self.tile_parts()
        shared = sum(each[name] for name in ("q", "o", "d_o") if name in each)
        return sum(each.values()) + (self.together - 1) * shared

    def once(self, rows):
        """Packing the queries of a tile, and its output."""
        shape, machine = self.shape, self.machine
        vectors = machine.vectors(self.lanes(rows))
        packed = shape.head_dim // self.way.step + shape.value_dim
        if shape.op == "bwd":
            packed += shape.value_dim // self.way.step + (shape.head_dim + shape.value_dim) // 4
        return {"pack": packed * vectors * TRANSPOSE * machine.slot, "calls": TILE * machine.slot}

    def stage(self, keys):
        """Converting or interleaving keys, once for all tiles that share them."""
        if not self.staged:
            return 0.0
        shape = self.shape
        width = shape.head_dim + shape.value_dim
        if self.way.kind == "singles":
            return keys * self.machine.vectors(width) * CONVERT * self.machine.slot
        width = {"fwd": shape.value_dim, "bwd": shape.head_dim}.get(shape.op, width)
        if self.way.kind == "quads":
            width = shape.head_dim + shape.value_dim
        return keys * self.machine.vectors(width) / self.way.step * INTERLEAVE * self.machine.slot

    def arriving(self, keys):
        """K and V of keys on their way from where the whole of them lies, as far as it shows."""
        shape = self.shape
        width = shape.head_dim + shape.value_dim
        whole = shape.kv_len * width * self.way.size
        traffic = keys * width * self.way.size * (3 if shape.op == "bwd" else 1)
        if shape.op == "bwd":
            whole = shape.kv_len * width * (self.way.size + 4)
        return EXPOSED * traffic * self.machine.waiting(whole + self.tile_bytes())


    def traffic(self):
        """Bytes that all query tiles together ask for: Q and O once, K and V once for each task."""
        shape, backward = self.shape, self.shape.op == "bwd"
        width = shape.head_dim + shape.value_dim
        each = width * self.way.size * (2 if backward else 1)  # q and o, or q, d_q, d_o and o
        keys = sum(spanned(shape, some) for some in tasks_of(self))
        kept = width * (self.way.size + (8 if backward else 0))  # sums of the gradient are read and written
        return shape.batch * (shape.heads * shape.q_len * each + shape.kv_heads * keys * kept)


def add(total, cost, times=1):
    for part, seconds in cost.items():
        total[part] = total.get(part, 0.0) + seconds * times


def tasks_of(costs):
    """The query tiles of a kv head, cut into those that walk the keys together: prefill takes the heads of a group
    beside each other, the gradient one after the other."""
    shape, tiles = costs.shape, costs.shape.query_tiles(costs.tile.rows)
    if shape.op != "bwd":
        listed = [tile for tile in tiles for _ in range(shape.group)]
        return [listed[at:at + costs.together] for at in range(0, len(listed), costs.together)]
    return [tiles[at:at + costs.together] for at in range(0, len(tiles), costs.together)] * shape.group


def spanned(shape, tiles):
    """The keys that query tiles visit."""
    spans = [shape.span(tile) for tile in tiles]
    return max(hi for _, hi in spans) - min(lo for lo, _ in spans)


def of_group(costs):
    """-> {part: seconds} of each task of a kv head"""
    shape = costs.shape
    price = costs.gradient_box if shape.op == "bwd" else costs.forward_box
    known, tasks = {}, []
    for some in tasks_of(costs):
        task = {}
        for tile in some:
            add(task, costs.once(tile[1] - tile[0]))
            for box, times in shape.boxes(tile, costs.tile.columns).items():
                if box not in known:
                    known[box] = price(box)
                add(task, known[box], times)
        keys = spanned(shape, some)
        add(task, {"staging": costs.stage(keys), "caches": costs.arriving(keys)})
        tasks.append(task)
    return tasks


def ideal_seconds(costs):
    """Of the useful multiplications alone."""
    shape = costs.shape
    return shape.useful_flops() / costs.machine.peaks[costs.way.peak]


def on_threads(task_seconds, groups, threads):
    """The time until the last of `threads` workers is done, who take tasks in order."""
    if threads == 1:
        return sum(task_seconds) * groups
    ends = [0.0] * threads
    order = list(task_seconds) * groups
    if len(order) > 20000:
        return sum(order) / threads
    for seconds in order:
        first = min(range(threads), key=ends.__getitem__)
        ends[first] += seconds
    return max(ends)

