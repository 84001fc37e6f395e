"""What operators raise."""


class IllegalArgument(ValueError):
    """A call that breaks a documented rule.  Nothing was written.

    code: the stable number of glint::Code (include/glint/core/status.hpp), below 0 one of glint.h; rule: the rule as a
    sentence; got, want: the two numbers that disagree.
    """

    def __init__(self, code: int, rule: str, got: int, want: int) -> None:
        super().__init__(f"{rule} (got {got}, want {want}) [code {code}]")
        self.code, self.rule, self.got, self.want = code, rule, got, want

    def __reduce__(self) -> tuple:
        return IllegalArgument, (self.code, self.rule, self.got, self.want)


class CannotRun(RuntimeError):
    """The system refused memory or threads; `code` and `rule` as in IllegalArgument."""

    def __init__(self, code: int, rule: str) -> None:
        super().__init__(rule)
        self.code, self.rule = code, rule

    def __reduce__(self) -> tuple:
        return CannotRun, (self.code, self.rule)
