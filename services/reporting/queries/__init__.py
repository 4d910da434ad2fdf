"""Reads for pages and exports. Every one takes a `Scope` and narrows by it before anything else."""
