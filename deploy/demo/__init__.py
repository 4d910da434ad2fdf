"""A council that does not exist, and its work: what `caseloop demo` shows."""
