"""For how many query rows decode's kernel beats prefill's on the same cache: `draft_rows` of a tuning table."""

BUILT_IN = 8  # kDraftRows of dispatch/fused_infer_attention_score.hpp


def is_draft(case):
    """Few enough query rows for decode's kernel, as things are?"""
    return int(case["sq"]) <= BUILT_IN


def prefill_share(rows, tile, usable):
    """What prefill's kernel reaches: with the tile that would be used, or, if that was not measured, with its best."""
    if usable(rows.get(tile)):
        return rows[tile]["median_share"]
    return max((numbers["median_share"] for name, numbers in rows.items()
                if name.startswith("flash/") and usable(numbers)), default=None)


def most_rows(members, name, tile, usable):
    """members: (case, {name: numbers}) of a class of decode; name: the candidate chosen for decode's kernel, tile: for
    prefill's.  -> the most rows up to which decode's kernel is nowhere slower; 0: no measurement is against the
    built-in number."""
    faster = {}
    for case, rows in members:
        flash = prefill_share(rows, tile, usable)
        if flash is not None and usable(rows.get(name)):
            count = int(case["sq"])
            faster[count] = faster.get(count, True) and rows[name]["median_share"] >= flash
    counts = sorted(count for count in faster if count > 1)
    slower = [count for count in counts if not faster[count]]
    most = max((count for count in counts if not slower or count < slower[0]), default=1)
    return most if most > BUILT_IN or (slower and slower[0] <= BUILT_IN) else 0
