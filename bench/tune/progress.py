"""What a sweep says while it runs: a bar that stays in its line on a terminal, now and then a line elsewhere."""

import sys
import time

WIDTH = 100
BAR = 20
QUIET_SECONDS = 20  # between lines where there is no terminal


def duration(seconds):
    seconds = max(0, round(seconds))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02} min"


def fit(text, width):
    return text if len(text) <= width else text[:max(0, width - 2)] + ".."


def compose(share, what, left):
    """One line of at most WIDTH columns."""
    share = min(1.0, max(0.0, share))
    filled = int(share * BAR)
    head = f"[{'#' * filled}{'-' * (BAR - filled)}] {100 * share:3.0f} %  "
    tail = f"  {duration(left)} left" if left is not None else ""
    return head + fit(what, WIDTH - len(head) - len(tail)) + tail


class Progress:
    def __init__(self, stream=None, now=time.monotonic):
        self._stream = stream or sys.stderr
        self._now = now
        self._terminal = self._stream.isatty()
        self._last = None  # when the last line was printed
        self._shown = False
        self._most = 0.0

    def show(self, share, what, left=None):
        self._most = max(self._most, share)  # a noisy candidate adds work: the bar waits
        line = compose(self._most, what, left)
        if self._terminal:
            self._stream.write("\r" + line.ljust(WIDTH - 1)[:WIDTH])
            self._shown = True
        elif self._last is None or self._now() - self._last >= QUIET_SECONDS:
            self._stream.write(line + "\n")
            self._last = self._now()
        self._stream.flush()

    def clear(self):
        if self._shown:
            self._stream.write("\r" + " " * WIDTH + "\r")
            self._stream.flush()
            self._shown = False

    def say(self, text):
        """A line that stays."""
        self.clear()
        self._stream.write(text + "\n")
        self._stream.flush()
