"""One case as the kernels see it: sizes, what the mask shows, and the boxes of score matrix that are visited."""

import collections
import functools
import math

SIZES = {"f32": 4, "f16": 2, "bf16": 2, "i8": 1, "i4": 0.5}  # bytes of a number
FAR = 1 << 40  # a token count that means "all"
UNIT = 16  # rows for which a partial box is described together

# A box of `rows` queries and `keys` keys.  seen: for each UNIT of its rows the keys [lo, hi) that any of them sees,
# counted from the box's first; None where every row sees every key.
Box = collections.namedtuple("Box", "rows keys seen")


def round_up(number, unit):
    return -(-number // unit) * unit


class Shape:
    """The fields of a case line by their own names, defaults filled in."""

    def __init__(self, case):
        def number(key, usual):
            value = case.get(key)
            return usual if value in (None, "") else int(value)

        self.op, self.dtype = case["op"], case["dtype"]
        self.batch, self.heads = number("b", 1), number("n", 1)
        self.kv_heads = number("nkv", self.heads)
        self.q_len = number("sq", 1)
        self.kv_len = number("skv", self.q_len)
        self.head_dim = number("d", 64)
        self.value_dim = number("dv", self.head_dim)
        self.threads = max(1, number("threads", 1))
        self.page = number("block", 0)
        self.precise = bool(number("precise", 0))
        self.v_in_k = bool(number("vink", 0))
        self.cache = case.get("cache") or self.dtype
        self.mode = 3 if self.op == "incre" else number("mode", 0)
        self.pre, self.next = number("pre", FAR), number("next", FAR)
        self.group = max(1, self.heads // self.kv_heads)

    def sees(self, q):
        """The keys [lo, hi) that row q sees; both ends never fall as q rises."""
        if self.mode not in (2, 3, 4):
            return 0, self.kv_len
        diagonal = q + (0 if self.mode == 2 else self.kv_len - self.q_len)
        back, ahead = (self.pre, self.next) if self.mode == 4 else (FAR, 0)
        lo, hi = min(max(diagonal - back, 0), self.kv_len), min(max(diagonal + ahead + 1, 0), self.kv_len)
        return lo, max(lo, hi)

    @functools.cached_property
    def pairs(self):
        """Pairs of query and key that the mask shows, of one head."""
        return sum(hi - lo for lo, hi in map(self.sees, range(self.q_len)))

    def useful_flops(self):
        forward = 2 * self.pairs * (self.head_dim + self.value_dim) * self.batch * self.heads
        return 2.5 * forward if self.op == "bwd" else forward

    def kv_bytes(self):
        """Of K and V, each once."""
        width = self.head_dim + (0 if self.v_in_k else self.value_dim)
        return self.batch * self.kv_heads * self.kv_len * width * SIZES[self.cache]

    def query_tiles(self, rows):
        return [(q, min(q + rows, self.q_len)) for q in range(0, self.q_len, rows)]

    def span(self, tile):
        """The keys that a query tile visits."""
        return self.sees(tile[0])[0], self.sees(tile[1] - 1)[1]

    def boxes(self, tile, columns):
        """Box -> how often, of one query tile.  Key tiles start at multiples of `columns` whatever the mask."""
        rows = tile[1] - tile[0]
        (lo, first_hi), (last_lo, hi) = self.sees(tile[0]), self.sees(tile[1] - 1)
        full = range(math.ceil(last_lo / columns), first_hi // columns)  # whole key tiles that every row sees
        found = collections.Counter()
        if len(full) > 0:
            found[Box(rows, columns, None)] = len(full)
        for which in range(lo // columns, math.ceil(hi / columns)):
            if which in full:
                continue
            keys = max(lo, which * columns), min(hi, (which + 1) * columns)
            if keys[0] < keys[1]:
                found[self._box(tile, keys)] += 1
        return found

    def _box(self, tile, keys):
        rows, count = tile[1] - tile[0], keys[1] - keys[0]
        if self.sees(tile[1] - 1)[0] <= keys[0] and self.sees(tile[0])[1] >= keys[1]:
            return Box(rows, count, None)
        seen = []
        for q in range(tile[0], tile[1], UNIT):
            last = min(q + UNIT, tile[1]) - 1
            lo, hi = max(self.sees(q)[0], keys[0]) - keys[0], min(self.sees(last)[1], keys[1]) - keys[0]
            seen.append((min(lo, count), max(lo, hi)) if hi > lo else (0, 0))
        return Box(rows, count, tuple(seen))
