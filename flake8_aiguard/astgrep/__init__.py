"""SQL and configuration rules: standard ast-grep YAML, evaluated in process by ast-grep-py."""
