"""Whether this process, or the group it was forked from, has been asked to stop.

The flag lives in shared memory made before any fork, so a cluster's signal reaches the loops inside its workers.
"""

import multiprocessing
import signal

# No lock guards it: a worker killed while it looks must not leave the others waiting for one.
_flag = multiprocessing.get_context("fork").RawValue("b", 0)


def request() -> None:
    """Ask every loop of this process and its forked children to end soon."""
    _flag.value = 1


def requested() -> bool:
    """True once a stop was asked for."""
    return bool(_flag.value)


def on_signals() -> None:
    """SIGTERM and SIGINT ask this process to end soon; its loops finish what they are doing."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: request())
