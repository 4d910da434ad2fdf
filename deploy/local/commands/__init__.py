"""The commands of `caseloop`, a module for each group; a new one is a module with `register` and a place in GROUPS."""

from deploy.local.commands import imports, letters, outbox, programmes, schema, senders, sessions, stack, topics

GROUPS = (stack, schema, topics, imports, senders, sessions, programmes, letters, outbox)
