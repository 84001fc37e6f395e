"""For how many query rows decode's kernel beats prefill's on the same cache: `draft_rows` of a tuning table."""

MARGIN = 1.02  # by less than that neither beats the other
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
    least = {}  # number of rows -> the least ratio of decode's share over prefill's
    for case, rows in members:
        flash = prefill_share(rows, tile, usable)
        if flash is not None and usable(rows.get(name)):
            count = int(case["sq"])
            least[count] = min(least.get(count, float("inf")), rows[name]["median_share"] / flash)
    counts = sorted(count for count in least if count > 1)
    slower = min((count for count in counts if least[count] < 1 / MARGIN), default=float("inf"))
    if slower <= BUILT_IN:
        return max((count for count in counts if count < slower), default=1)
    return max((count for count in counts if BUILT_IN < count < slower and least[count] > MARGIN), default=0)
