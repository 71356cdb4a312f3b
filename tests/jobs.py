"""Jobs that tests put on the queue."""

import os
import time


def write_line(path: str, text: str) -> None:
    """Append one line, with the time at which the job began, in one write that no other job's can split."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, f"{text} {time.time()} {os.getpid()}\n".encode())
    os.close(descriptor)


def die(path: str) -> None:
    """End the worker without a word, as a crash in foreign code would."""
    write_line(path, "die")
    os._exit(1)


def sleep(path: str, seconds: int) -> None:
    """Keep a worker busy."""
    write_line(path, "sleep")
    time.sleep(seconds)
