"""The steps of enrichment, one a file. Add a file with a ``STEP`` and it runs for everybody, old profiles first."""
