"""The rules of the embedded stack that need no server."""
