"""Which rows of the tensors belong to which batch entry (operator documents: actual_seq_lengths, *_padding_size)."""
from __future__ import annotations

from dataclasses import dataclass
from typing import List, Optional, Sequence, Tuple

import numpy as np

from .parameters import Parameters

Span = Tuple[int, int, int]  # index along the batch axis, first row, number of rows


@dataclass(frozen=True)
class Entry:
    """One batch entry.  Its query rows and its keys are counted from 0; its keys begin with the shared prefix."""

    index: int
    query: Span
    cache: Span  # the keys behind the shared prefix; rows are positions in the sequence where the cache is paged
    shared_prefix: int
    mask_row: int  # row of mask and pse that belongs to query row 0
    columns: np.ndarray  # column of mask, pse and per-token factors that belongs to each key

    @property
    def rows(self) -> int:
        return self.query[2]

    @property
    def keys(self) -> int:
        return len(self.columns)


def cumulative_spans(ends: Sequence[int]) -> List[Span]:
    """Ends of sequences that lie one behind the other; zeros at the tail of the list are sequences without rows."""
    starts = [0, *ends[:-1]]
    return [(0, start, max(0, end - start)) for start, end in zip(starts, ends)]


def dense_spans(lengths: Sequence[int], sizes: Sequence[int], padding: Optional[int]) -> List[Span]:
    """The used rows of batch entries that have `sizes` rows.

    lengths: none (all rows), one for all entries, or at least one for each.  padding: that many rows at the end are
    not used, and those of the sequence lie directly before them.  It needs lengths; negative counts as 0.  A sequence
    that does not fit has no rows at all.
    """
    if not len(lengths):
        return [(b, 0, size) for b, size in enumerate(sizes)]
    counts = [lengths[0 if len(lengths) == 1 else b] for b in range(len(sizes))]
    if padding is None:
        return [(b, 0, count) for b, count in enumerate(counts)]
    starts = [size - max(0, padding) - count for size, count in zip(sizes, counts)]
    return [(b, start, count) if start >= 0 else (b, 0, 0) for b, (start, count) in enumerate(zip(starts, counts))]


def query_spans(p: Parameters, batch: int, size: int) -> List[Span]:
    """Training ignores the lengths of dense layouts."""
    if p.packed:
        return cumulative_spans(p.actual_seq_qlen)
    lengths = [] if p.training else p.actual_seq_qlen
    return dense_spans(lengths, [size] * batch, p.query_padding_size)


def cache_spans(p: Parameters, sizes: Sequence[int], paged: bool) -> List[Span]:
    """sizes: rows of the keys of each batch entry.  Of pages the lists hold lengths, never ends."""
    if p.packed and not paged:
        return cumulative_spans(p.actual_seq_kvlen)
    lengths = [] if p.training else p.actual_seq_kvlen
    return dense_spans(lengths, sizes, None if paged else p.kv_padding_size)


def entries(p: Parameters, queries: List[Span], caches: List[Span], shared_prefix: int, paged: bool) -> List[Entry]:
    """p, and the spans of both sides.

    In dense layouts mask and pse are as large as the tensors, so padding in front shifts their rows and columns.
    """
    result = []
    for index, (query, cache) in enumerate(zip(queries, caches)):
        shift = 0 if p.packed or paged else cache[1]
        own = shared_prefix + shift + np.arange(cache[2])
        columns = np.concatenate([np.arange(shared_prefix), own])
        result.append(Entry(index, query, cache, shared_prefix, 0 if p.packed else query[1], columns))
    return result


def tokens_switched_off(p: Parameters) -> bool:
    """Padding in front switches the tokens of mode 0 off."""
    keys = p.kv_padding_size is not None and len(p.actual_seq_kvlen) > 0
    queries = p.query_padding_size is not None and len(p.actual_seq_qlen) > 0
    return not p.training and (keys or queries)
