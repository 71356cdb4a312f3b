"""``python -m automation.channels.sandbox.network``: the network without Django."""

import argparse
import sys

from automation.channels.sandbox.network import options
from automation.channels.sandbox.network.journal import JournalError
from automation.channels.sandbox.network.server import serve


def main() -> int:
    """Run the network in the foreground; returns the exit code."""
    parser = argparse.ArgumentParser(
        description="A small social network for demos and tests, on loopback only."
    )
    options.add_arguments(parser)
    parser.add_argument("--quiet", action="store_true", help="Do not print the address.")
    parser.add_argument("--ends-with", type=int, metavar="PID", help="Stop when this parent process is gone.")
    given = vars(parser.parse_args())
    try:
        world, server = options.from_arguments(given)
        serve(world, server, quiet=given["quiet"])
    except (ValueError, JournalError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
