"""The parser of a command, and the type of what commands are added to."""

import argparse
from typing import NoReturn, TypeAlias

ASKED_WRONGLY = 2
"""Exit status of a command that was asked for something that cannot be."""


class Parser(argparse.ArgumentParser):
    """A parser that says in one sentence what is wrong."""

    def error(self, message: str) -> NoReturn:
        self.exit(ASKED_WRONGLY, f"{message}. See {self.prog} --help.\n")


Commands: TypeAlias = "argparse._SubParsersAction[Parser]"
"""What `add_subparsers` gives."""
