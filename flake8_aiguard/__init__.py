"""flake8 rules for the unwritten contracts that AI-assisted changes break."""

__version__ = "0.1.0"
