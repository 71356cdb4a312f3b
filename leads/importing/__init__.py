"""Files of people: read, understood, tried, taken in; a report on every row."""

from leads.importing.read import ImportFileError
from leads.importing.run import commit_dry_run, forget_files, run_import, start_import

__all__ = ["ImportFileError", "commit_dry_run", "forget_files", "run_import", "start_import"]
