"""The rules of auditing, pure: time and chance are arguments, nothing here reads or writes."""
