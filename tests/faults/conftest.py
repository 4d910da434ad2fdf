"""The trial of the messaging's own tests, and servers that may be hurt: they are this run's own."""

from tests.messaging.conftest import prepared, trial, trial_database

__all__ = ["prepared", "trial", "trial_database"]
