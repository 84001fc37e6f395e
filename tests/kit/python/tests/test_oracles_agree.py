"""The numpy oracle and the library's own, two readings of the operator documents, agree on drawn cases.

The limits are those of oracle/compare.py.
"""
import collections
from typing import Dict, Set

import numpy as np

from oracle import __main__ as program
from oracle import bundle, compare
from oracle_bundles import COUNT, bundles, changes_of, fixture_paths  # noqa: F401


def test_all_outputs_agree(paths):
    disagreements, compared, changed = [], collections.Counter(), 0
    for each in bundles(paths):
        changed += 1 if changes_of(each) else 0
        for difference in compare.differences(each.parameters, each.arrays):
            compared[difference.name.split(".")[0]] += 1
            if not difference.excess <= 1:
                disagreements.append(f"{each.parameters['op']} {each.notes['case']}\n    {difference}")
    assert not disagreements, f"{len(disagreements)} disagree:\n" + "\n".join(disagreements[:10])
    assert len(paths) == COUNT and changed < COUNT // 3
    least = {"out": len(paths), "softmax_max": len(paths), "softmax_sum": len(paths), "lse": len(paths),
             "probabilities": 500, "d_query": 500, "d_key": 500, "d_value": 500, "d_query_rope": 20, "d_key_rope": 20,
             "d_pse": 50, "d_sink": 50}
    assert {name: compared[name] for name in least if compared[name] < least[name] * COUNT // 3000} == {}


def features(each: bundle.Bundle) -> Set[str]:
    """What of the documents takes part in a case."""
    p, arrays = each.parameters, each.arrays
    found = {f"op {p['op']}", f"layout {p['layout']}", f"{p['op']} mode {p['sparse_mode']}", *arrays,
             f"rows {p['invalid_row']}", f"{p['op']} gradient {each.about['gradient']}"}
    found |= {name for name in ("prefix", "q_start_idx", "kv_start_idx", "softcap", "philox", "implied_mask",
                                "actual_seq_qlen", "actual_seq_kvlen", "kv_padding_size", "query_padding_size",
                                "actual_shared_prefix_len", "keep_probabilities")
              if p[name] not in (None, [], 0, False)}
    if "pse" in arrays:
        found |= {f"pse {p['op']} {p['pse_type']}", f"pse form {p['pse_form']}", f"pse of {arrays['pse'].ndim} axes"}
    if "attn_mask" in arrays:
        found.add(f"{p['op']} mask of {arrays['attn_mask'].ndim} axes")
    if "block_table" in arrays:
        found.add(f"pages of {arrays['key'].ndim} axes")
    for name in ("antiquant", "key_antiquant", "value_antiquant"):
        if f"{name}_scale" in arrays:
            found.add(f"{name} {p[f'{name}_mode']}")
    return found


EXPECTED = {
    *(f"op {op}" for op in ("score", "prompt", "incre")), "score gradient True",
    *(f"layout {name}" for name in ("BSH SBH BNSD BSND TND NTD NTD_TND TND_NTD BSH_BNSD BSH_NBSD BNSD_BSND BNSD_NBSD "
                                    "BSND_BNSD BSND_NBSD").split()),
    *(f"score mode {mode}" for mode in range(9)), *(f"prompt mode {mode}" for mode in (0, 1, 2, 3, 4, 9)),
    "incre mode 9", *(f"pse score {kind}" for kind in range(4)), "pse prompt 1", "pse incre 1",
    *(f"pse form {form}" for form in ("dense", "compressed", "flat_score", "flat_column")),
    "pse of 3 axes", "pse of 4 axes",
    *(f"{op} mask of {axes} axes" for op in ("prompt", "incre") for axes in (2, 3, 4)), "score mask of 2 axes",
    "score mask of 4 axes", *(f"pages of {axes} axes" for axes in (3, 4, 5)),
    "antiquant 0", "antiquant 1", *(f"{name}_antiquant {mode}" for name in ("key", "value") for mode in range(6)),
    "rows uniform", "rows zero", "key.0", "value.0", "query_rope", "key_rope", "key_shared_prefix", "sink", "drop_mask",
    "philox", "prefix", "q_start_idx", "kv_start_idx", "softcap", "implied_mask", "actual_seq_qlen",
    "actual_seq_kvlen", "kv_padding_size", "query_padding_size", "actual_shared_prefix_len", "keep_probabilities",
    "antiquant_offset", "key_antiquant_offset", "value_antiquant_offset", "dequant_scale1", "quant_scale1",
    "dequant_scale2", "quant_scale2", "quant_offset2"}


def test_every_parameter_takes_part(paths):
    counts: Dict[str, int] = collections.Counter()
    for each in bundles(paths):
        counts.update(features(each))
    assert sorted(name for name in EXPECTED if counts[name] == 0) == []


def test_small_errors_are_found(paths):
    """A result that is wrong by 1e-9 of its row's size is reported; so are NaN and outputs that are not there."""
    tried = 0
    for each in bundles(paths[2:62]):
        if "quant_scale2" in each.arrays or not np.isfinite(each.arrays["out"]).all():
            continue
        if not np.isfinite(each.arrays["lse"]).any():
            continue
        tried += 1
        limits = compare.magnitudes(each.parameters, each.arrays)
        for name in ("out", "lse"):
            wrong = dict(each.arrays)
            wrong[name] = wrong[name] + 1e-9 * (limits[name] + 1e-6)
            assert largest(each.parameters, wrong, name) > 1
            wrong[name] = np.full_like(wrong[name], np.nan)
            assert largest(each.parameters, wrong, name) == np.inf
        assert largest(each.parameters, {k: v for k, v in each.arrays.items() if k != "out"}, "out") == np.inf
    assert tried > 20


def largest(parameters, arrays, name: str) -> float:
    return next(each.excess for each in compare.differences(parameters, arrays) if each.name == name)


def test_report(paths, capsys):
    """python -m oracle BUNDLE says what agrees."""
    assert program.main([str(paths[2]), str(paths[5])]) == 0
    text = capsys.readouterr().out
    assert "out " in text and "agrees" in text and "DIFFERS" not in text
    assert program.main([]) == 2
    assert program.main(["/no/such/bundle"]) == 1
    assert "/no/such/bundle: no bundle" in capsys.readouterr().out
