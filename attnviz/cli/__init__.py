"""The command line: the library's own functions, one file for each group of commands."""

from attnviz.cli.main import main

__all__ = ["main"]
