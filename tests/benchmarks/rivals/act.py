"""What the rivals run: nothing."""


def act(number: int) -> None:
    """Done."""
