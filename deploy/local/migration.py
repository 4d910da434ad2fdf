"""Write an empty Alembic revision for one service: `python -m deploy.local.migration audit what_changes`."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory

from deploy.local.home import REPOSITORY
from deploy.local.ports import SERVICES
from deploy.local.refusal import Refused

TEXT = '''"""{sentence}."""

from alembic import op

revision = "{revision}"
down_revision = {down}
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("")


def downgrade() -> None:
    op.execute("")
'''


def write(service: str, name: str, root: Path = REPOSITORY) -> Path:
    """The new file, numbered after the service's last revision. Refused for a service or name that cannot be."""
    if service not in SERVICES:
        raise Refused(f"no service is called {service}: there are {', '.join(SERVICES)}")
    if not re.fullmatch(r"[a-z][a-z0-9_]{2,60}", name):
        raise Refused(f"{name!r} is no name for a migration: say what changes, as in add_theme_weight")
    folder = root / "services" / service / "migrations"
    head = _head(folder)
    number = f"{int(head or 0) + 1:04}"
    file = folder / "versions" / f"{number}_{name}.py"
    sentence = name.replace("_", " ").capitalize()
    file.write_text(TEXT.format(sentence=sentence, revision=number, down=f'"{head}"' if head else None))
    return file


def _head(folder: Path) -> str | None:
    config = Config()
    config.set_main_option("script_location", str(folder))
    config.set_main_option("path_separator", "os")
    return ScriptDirectory.from_config(config).get_current_head()


def main() -> None:
    """Write the file and say where."""
    try:
        file = write(sys.argv[1], sys.argv[2])
    except Refused as refusal:
        sys.stderr.write(f"refused: {refusal}\n")
        raise SystemExit(2) from refusal
    sys.stdout.write(f"{file.relative_to(REPOSITORY)}\n")


if __name__ == "__main__":
    main()
