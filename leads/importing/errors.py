"""What can be wrong with a file as a whole."""


class ImportFileError(ValueError):
    """The file as a whole cannot be used; the message tells people why and what to do."""
