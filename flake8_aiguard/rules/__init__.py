"""The rules, one checker class a file; see docs/architecture.md."""
