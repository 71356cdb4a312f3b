"""What automation does when the apps below it announce something."""


def connect() -> None:
    """Subscribe; called once when Django starts."""
