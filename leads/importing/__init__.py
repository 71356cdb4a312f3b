"""Files of people: read, understood, tried, taken in; a report on every row."""

from leads.importing.errors import ImportFileError
from leads.importing.mapping import known_fields
from leads.importing.run import forget_files, run_import
from leads.importing.start import cancel_import, commit_dry_run, remap, start_import

__all__ = [
    "ImportFileError",
    "cancel_import",
    "commit_dry_run",
    "forget_files",
    "known_fields",
    "remap",
    "run_import",
    "start_import",
]
