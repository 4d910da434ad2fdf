"""The static files: content-hashed names that may be cached for a year, and the manifest that maps to them.

`python -m shared.web.build` makes the folder `static/dist` from node_modules. Without it pages still work, unstyled.
"""

import json
from functools import lru_cache
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

PREFIX = "/assets"
DIST = Path(__file__).parent / "static" / "dist"
MANIFEST = DIST / "manifest.json"


class Assets(StaticFiles):
    """Serves the built files; their names change with their content, so browsers keep them for a year."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        if path == MANIFEST.name:
            raise HTTPException(404)
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


@lru_cache
def manifest() -> dict[str, str]:
    """From a file's plain name to its hashed one; empty before the build."""
    if not MANIFEST.exists():
        return {}
    return {str(name): str(hashed) for name, hashed in json.loads(MANIFEST.read_text()).items()}


def asset(name: str) -> str:
    """The address of an asset by its plain name."""
    return f"{PREFIX}/{manifest().get(name, name)}"
