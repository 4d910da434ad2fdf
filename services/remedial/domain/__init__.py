"""The rules of remedial actions: pure, with time and chance as arguments."""
