"""Proofs of what was done in a browser: kept as they come, shown on the task's page, gone by age and by size."""

from automation.proofs.keeping import forget, keep, purge, register, total_size, trim

__all__ = ["forget", "keep", "purge", "register", "total_size", "trim"]
