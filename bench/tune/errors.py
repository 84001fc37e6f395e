"""What a user can do something about: a bad file, a bad option.  main.py prints it without a traceback."""


class Usage(Exception):
    """Exit status 2."""
