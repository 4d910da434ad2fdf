"""Violent failures on servers that are really stopped, killed and paused. `make faults` runs them."""
