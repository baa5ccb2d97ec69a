"""The promise followed up: what was done, counted from the rows that the work left. Never what came of it."""
