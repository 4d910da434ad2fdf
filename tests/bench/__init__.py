"""Measurements: what the hot path costs beside its floor. Each prints its result as JSON on its last line."""
