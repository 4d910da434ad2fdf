"""Whom PostgreSQL runs as: it refuses root, so under root it gets an ordinary account and folders it can reach."""

from __future__ import annotations

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path

from deploy.local.refusal import Refused


@dataclass(frozen=True)
class Account:
    """A user and its group on this machine."""

    uid: int
    gid: int

    def can(self, test: str, path: Path) -> bool:
        """Whether this account passes `test` (as in test(1): -x, -r, -w) on the path, asked by trying."""
        outcome = subprocess.run(
            ["test", test, str(path)], user=self.uid, group=self.gid, extra_groups=[], cwd="/", check=False
        )
        return outcome.returncode == 0


def unprivileged() -> Account | None:
    """None when we are an ordinary user already; else an account to give up root for."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise Refused("PostgreSQL does not run as root, and this machine has no account named postgres or nobody")
