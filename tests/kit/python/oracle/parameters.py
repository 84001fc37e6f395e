"""The parameters of one attention problem, under the names that a bundle's "parameters" have."""
from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, List, Mapping, Optional

import numpy as np

ALL_TOKENS = 2147483647
Arrays = Mapping[str, np.ndarray]


@dataclass
class Parameters:
    """Scalars and lists; tensors are apart.  Lengths and positions count tokens.

    op: "score" (training), "prompt" or "incre" (inference).  layout: BSH SBH BNSD BSND TND NTD, or "A_B", which reads
    A and writes B, where B may also be NBSD.  kv_head_num 0: from the shapes.  kv_padding_size, query_padding_size and
    actual_shared_prefix_len are None where they are not given.
    """

    op: str = "score"
    layout: str = "BSH"
    head_num: int = 1
    kv_head_num: int = 0
    scale: float = 1.0
    q_scale: float = 1.0
    sparse_mode: int = 0
    pre_tokens: int = ALL_TOKENS
    next_tokens: int = ALL_TOKENS
    implied_mask: bool = False
    prefix: List[int] = field(default_factory=list)
    pse_type: int = 1
    pse_form: str = "dense"  # dense, compressed, flat_score, flat_column
    q_start_idx: List[int] = field(default_factory=list)
    kv_start_idx: List[int] = field(default_factory=list)
    softcap: float = 0.0
    softcap_order: str = "before_bias"  # or after_bias
    keep_prob: float = 1.0
    philox: bool = False
    seed: int = 0
    offset: int = 0
    actual_seq_qlen: List[int] = field(default_factory=list)
    actual_seq_kvlen: List[int] = field(default_factory=list)
    kv_padding_size: Optional[int] = None
    query_padding_size: Optional[int] = None
    block_size: int = 0
    actual_shared_prefix_len: Optional[int] = None
    antiquant_mode: int = 0
    key_antiquant_mode: int = 0
    value_antiquant_mode: int = 0
    key_block: int = 1024
    invalid_row: str = "zero"  # or uniform
    keep_probabilities: bool = False

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Parameters":
        """From a dict; what it does not name has the default, and what nobody knows is an error."""
        known = {each.name for each in fields(cls)}
        unknown = set(values) - known
        if unknown:
            raise KeyError(f"unknown parameters: {sorted(unknown)}")
        return cls(**values)

    @property
    def training(self) -> bool:
        return self.op == "score"

    @property
    def input_layout(self) -> str:
        return self.layout.split("_")[0]

    @property
    def output_layout(self) -> str:
        return self.layout.split("_")[-1]

    @property
    def packed(self) -> bool:
        """All sequences one behind the other, without a batch axis."""
        return self.input_layout in ("TND", "NTD")
