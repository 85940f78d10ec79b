"""pre-commit hooks, installed as ``flake8_aiguard.hooks``: one thin module a hook."""
