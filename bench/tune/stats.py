"""What repeated measurements say together."""

import math
import random
import statistics

CV_LIMIT = 0.05  # of the share; above it a number is refused


def cv(values):
    """Standard deviation over mean; of a single value 0."""
    return statistics.stdev(values) / statistics.fmean(values) if len(values) > 1 else 0.0


def geometric_mean(values):
    return math.exp(statistics.fmean(math.log(value) for value in values))


def ranks(values):
    """1 for the smallest; equal values share the mean of their ranks."""
    order = sorted(range(len(values)), key=values.__getitem__)
    result = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start
        while end < len(order) and values[order[end]] == values[order[start]]:
            end += 1
        for i in order[start:end]:
            result[i] = (start + end + 1) / 2
        start = end
    return result


def spearman(first, second):
    """Correlation of the ranks; None where there is none: fewer than three pairs, or all equal on one side."""
    if len(first) < 3 or len(set(first)) == 1 or len(set(second)) == 1:
        return None
    return statistics.correlation(ranks(first), ranks(second))


def t_over_normal(confidence, freedom):
    """By how much a quantile of Student's t exceeds that of the normal distribution (Cornish and Fisher)."""
    z = statistics.NormalDist().inv_cdf(0.5 + confidence / 2)
    t = (z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
         + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3))
    return t / z


def ratio_interval(before, after, confidence=0.95, resamples=2000, seed=0):
    """-> (ratio, low, high) of the geometric means, by a bootstrap over the repetitions.

    A percentile interval of five values is too narrow; deviations are therefore widened as Student's t would have it.
    Of single values there is no interval: low and high are None.
    """
    logs = [[math.log(value) for value in values] for values in (before, after)]
    means = [statistics.fmean(values) for values in logs]
    ratio = math.exp(means[1] - means[0])
    if min(len(before), len(after)) < 2:
        return ratio, None, None
    widen = t_over_normal(confidence, len(before) + len(after) - 2)
    deviations = [[(value - mean) * widen * math.sqrt(len(values) / (len(values) - 1)) for value in values]
                  for values, mean in zip(logs, means)]
    generator = random.Random(seed)

    def resample(values):
        return statistics.fmean(generator.choices(values, k=len(values)))

    drawn = sorted(resample(deviations[1]) - resample(deviations[0]) for _ in range(resamples))
    tail = int((1 - confidence) / 2 * resamples)
    return ratio, ratio * math.exp(drawn[tail]), ratio * math.exp(drawn[-1 - tail])


def times(records):
    """-> {(line, name, cache): the records of kind time, in their order}"""
    result = {}
    for record in records:
        if record["kind"] == "time":
            result.setdefault((record["line"], record["name"], record["cache"]), []).append(record)
    return result


def failures(records):
    """-> {(line, name): the error}; name None: of the case itself"""
    result = {}
    for record in records:
        kind, line, name = record["kind"], record.get("line"), record.get("name")
        if kind == "error" or (kind == "check" and not record["ok"]):
            result[line, name] = record.get("error", {})
        elif kind in ("check", "time"):  # it was tried again, and works
            result.pop((line, name), None)
            result.pop((line, None), None)
        elif kind == "case":
            result.pop((record.get("given"), None), None)
    return result


def summarize(records):
    """-> {(line, name, cache): a dictionary}; what failed the gate or crashed has no numbers"""
    failed = failures(records)
    return {key: summary(runs) for key, runs in times(records).items() if key[:2] not in failed}


def summary(runs):
    shares = [run["share"] for run in runs]
    seconds = [run["seconds"] for run in runs]
    spread = cv(shares)
    return {"median_share": statistics.median(shares), "min_seconds": min(seconds),
            "median_seconds": statistics.median(seconds), "cv": spread, "repetitions": len(runs),
            "noisy": spread > CV_LIMIT}
