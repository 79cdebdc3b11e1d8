"""The parser of all commands, and what becomes of their errors.

Exit status: 0 when done; 2 when it cannot be done as it was asked, such as with a file that is no picture; 1 when it
was done and a check did not pass. One sentence on stderr says why. Nothing but results goes to stdout.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from attnviz._version import __version__
from attnviz.cli import (
    comparing_commands,
    completion,
    dashboard_command,
    measuring_commands,
    picture_commands,
    rebuild_command,
    study_command,
    tables_command,
    training_commands,
    zoo_commands,
)
from attnviz.cli.failing import CheckFailedError
from attnviz.cli.subparsers import ASKED_WRONGLY, Parser
from attnviz.errors import AttnvizError

DONE, CHECK_FAILED, STOPPED = 0, 1, 130

_LONGEST_NAME = 120
"""Letters of a file's name that a sentence shows."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: of the command line; None takes the program's own.

    Returns:
        The exit status, as above.
    """
    options = parser().parse_args(arguments)
    try:
        options.command(options)
        sys.stdout.flush()
    except CheckFailedError as error:
        print(error, file=sys.stderr)
        return CHECK_FAILED
    except AttnvizError as error:
        print(error, file=sys.stderr)
        return ASKED_WRONGLY
    except KeyboardInterrupt:
        print(getattr(options, "when_stopped", "stopped"), file=sys.stderr)
        return STOPPED
    except BrokenPipeError:  # as in `attnviz models | head`: the reader has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:  # of the disk: no space, no permission, a name that is too long
        where = "" if error.filename is None else f" with {str(error.filename)[:_LONGEST_NAME]}"
        print(f"what was asked cannot be done{where}: {error.strerror or error}.", file=sys.stderr)
        return ASKED_WRONGLY
    return DONE


def parser() -> argparse.ArgumentParser:
    """The parser of all commands. Building it loads nothing that only one of them needs."""
    everything = Parser(
        prog="attnviz",
        description="See what attention looks at.",
        epilog="`python -m attnviz` is the same as `attnviz`. `attnviz COMMAND --help` tells more.",
    )
    everything.add_argument("--version", action="version", version=f"attnviz {__version__}")
    commands = everything.add_subparsers(required=True, metavar="COMMAND", dest="command_name")
    for group in (
        comparing_commands,
        picture_commands,
        measuring_commands,
        study_command,
        rebuild_command,
        dashboard_command,
        zoo_commands,
        training_commands,
        tables_command,
    ):
        group.add_to(commands)
    completion.add_to(commands, parser)
    return everything
