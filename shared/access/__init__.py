"""People, sessions and what they may see: the one road by which a page learns who is asking."""

from shared.access.scope import CurrentScope, MaybeScope, Scope, SignInRequiredError, allow, scope_for
from shared.events import Role

__all__ = ["CurrentScope", "MaybeScope", "Role", "Scope", "SignInRequiredError", "allow", "scope_for"]
