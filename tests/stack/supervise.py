"""The supervisor of `caseloop up --detach`, with stand-ins for the services: what is tried here is the stack itself."""

from __future__ import annotations

from functools import partial
from unittest.mock import patch

from deploy.local import supervisor
from deploy.local.ports import SERVICES
from deploy.local.stack import Stack

if __name__ == "__main__":
    apps = dict.fromkeys(SERVICES, "tests.stack.standin:app")
    stand_in = partial(Stack, apps=apps, migrate=lambda _settings, _log: None)
    with patch.object(supervisor, "Stack", stand_in):
        supervisor.main()
