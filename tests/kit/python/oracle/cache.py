"""The keys and values of each batch entry: from one tensor, lists, pages, a shared prefix, integers with factors."""
from __future__ import annotations

from typing import List, Optional, Tuple

import numpy as np

from . import layouts
from .lengths import Entry, Span, cache_spans
from .parameters import Arrays, Parameters


class Cache:
    """What the operators find under key, value, their lists, block_table and the shared prefix.

    Rows are (N2, S, D) for one batch entry: D of key and rope together for the keys.
    """

    def __init__(self, p: Parameters, arrays: Arrays):
        self.p, self.arrays = p, arrays
        self.table: Optional[np.ndarray] = arrays.get("block_table")
        self.listed = "key.0" in arrays
        self.heads = p.kv_head_num or self._heads_by_shape()

    def _heads_by_shape(self) -> int:
        key = self.arrays["key.0" if self.listed else "key"]
        if self.paged and key.ndim > 3:
            return key.shape[1]
        width = layouts.to_heads(self.arrays["query"], self.p.input_layout, self.p.head_num).shape[3]
        return layouts.heads_of(key, "BSH" if self.paged else self.p.input_layout, width)

    # The spans of all entries.

    @property
    def paged(self) -> bool:
        return self.table is not None

    def spans(self, batch: int) -> List[Span]:
        if self.paged:
            sizes = [self.table.shape[1] * self.p.block_size] * batch
        elif self.listed:
            sizes = [self._split(f"key.{b}").shape[2] for b in range(batch)]
        else:
            sizes = [self._split("key").shape[2]] * batch
        return cache_spans(self.p, sizes, self.paged)

    @property
    def empty(self) -> bool:
        """The key tensor of training has no row at all."""
        return self.p.training and self._split("key").shape[2] == 0

    @property
    def value_width(self) -> int:
        """Dv."""
        value = self.arrays["value.0" if self.listed else "value"]
        if not self.paged:
            return layouts.to_heads(value, self.p.input_layout, self.heads).shape[3]
        return {3: value.shape[-1] // self.heads, 4: value.shape[-1]}.get(value.ndim, value.shape[2] * value.shape[-1])

    @property
    def shared_prefix(self) -> int:
        if "key_shared_prefix" not in self.arrays:
            return 0
        given = self.p.actual_shared_prefix_len
        return self._split("key_shared_prefix").shape[2] if given is None else given

    # The rows of one entry.

    def keys(self, entry: Entry) -> np.ndarray:
        """(N2, S2, D [+ rope]), reals.  The rope has no factors."""
        rows = self._with_factors(self._rows("key", entry), "key", entry)
        if "key_rope" in self.arrays:
            rows = np.concatenate([rows, self._rows("key_rope", entry)], axis=2)
        return rows

    def values(self, entry: Entry) -> np.ndarray:
        """(N2, S2, Dv), reals."""
        return self._with_factors(self._rows("value", entry), "value", entry)

    def whole(self) -> Tuple[np.ndarray, np.ndarray]:
        """Keys with their rope, and values, of all entries of training: (B, N2, S2, D)."""
        parts = [self._split(name) for name in ("key", "key_rope") if name in self.arrays]
        return np.concatenate(parts, axis=3), self._split("value")

    def _split(self, name: str) -> np.ndarray:
        return layouts.to_heads(self.arrays[name], self.p.input_layout, self.heads)

    def _rows(self, name: str, entry: Entry) -> np.ndarray:
        axis, first, count = entry.cache
        if self.paged:
            own = self._pages(self.arrays[name], entry)
        elif self.listed:
            own = self._split(f"{name}.{entry.index}")[0, :, first:first + count]
        else:
            own = self._split(name)[axis, :, first:first + count]
        if entry.shared_prefix == 0:
            return own
        shared = self._split(f"{name}_shared_prefix")[0, :, :entry.shared_prefix]
        return np.concatenate([shared, own], axis=1)

    def _slots(self, entry: Entry) -> Tuple[np.ndarray, np.ndarray]:
        """Block and slot of each key: position t lies in slot t % block_size of block table[b][t / block_size]."""
        position = np.arange(entry.cache[2])
        return self.table[entry.index][position // self.p.block_size], position % self.p.block_size

    def _pages(self, pool: np.ndarray, entry: Entry) -> np.ndarray:
        """pool: (blocks, size, H), (blocks, N2, size, D) or (blocks, N2, D/D0, size, D0)."""
        block, slot = self._slots(entry)
        if pool.ndim == 3:
            rows = pool[block, slot]
            return rows.reshape(len(rows), self.heads, pool.shape[2] // self.heads).transpose(1, 0, 2)
        if pool.ndim == 4:
            return pool[block, :, slot].transpose(1, 0, 2)
        split = pool[block, :, :, slot]  # (keys, N2, D/D0, D0)
        return split.reshape(len(block), self.heads, split.shape[2] * split.shape[3]).transpose(1, 0, 2)

    def _with_factors(self, rows: np.ndarray, name: str, entry: Entry) -> np.ndarray:
        """(k + offset) * scale; an absent offset is 0, and without a scale the numbers are reals already."""
        scale = self._factor(name, "scale", rows, entry)
        if scale is None:
            return rows
        offset = self._factor(name, "offset", rows, entry)
        return (rows + (0 if offset is None else offset)) * scale

    def _factor(self, name: str, kind: str, rows: np.ndarray, entry: Entry) -> Optional[np.ndarray]:
        """A factor for each element of rows (N2, S2, D).  Joint tensors hold the key's and then the value's."""
        if "antiquant_scale" in self.arrays:
            mode, tensor = self.p.antiquant_mode, self.arrays.get(f"antiquant_{kind}")
            tensor = None if tensor is None else tensor[0 if name == "key" else 1]
        else:
            mode = self.p.key_antiquant_mode if name == "key" else self.p.value_antiquant_mode
            tensor = self.arrays.get(f"{name}_antiquant_{kind}")
        return None if tensor is None else np.broadcast_to(self._spread(mode, tensor, rows, entry), rows.shape)

    def _spread(self, mode: int, tensor: np.ndarray, rows: np.ndarray, entry: Entry) -> np.ndarray:
        if mode == 0:  # per tensor, or per channel with any axes of 1
            return tensor.reshape(1, 1, 1) if tensor.size == 1 else tensor.reshape(self.heads, 1, rows.shape[2])
        if mode == 1:  # per token: (B, >= S) with any axes of 1 before
            return tensor.reshape(tensor.shape[-2:])[entry.index][entry.columns][np.newaxis, :, np.newaxis]
        if mode == 2:  # per head
            return tensor.reshape(self.heads, 1, 1)
        if mode == 3:  # per token and head: (B, N2, >= S)
            return tensor.reshape(tensor.shape[-3:])[entry.index][:, entry.columns, np.newaxis]
        block, slot = self._slots(entry)
        if mode == 4:  # per token in pages: (blocks, block_size)
            return tensor[block, slot][np.newaxis, :, np.newaxis]
        return tensor[block, :, slot].T[:, :, np.newaxis]  # 5, per token and head in pages: (blocks, N2, block_size)
