"""All that can be asked about the attributes that several threads or tasks share, under one roof."""

from __future__ import annotations

from flake8_aiguard.attributes import Attributes
from flake8_aiguard.candidates import Candidates
from flake8_aiguard.concurrency import Concurrency
from flake8_aiguard.grounds import Grounds
from flake8_aiguard.locking import Locking
from flake8_aiguard.mentions import Mentions
from flake8_aiguard.module import Module
from flake8_aiguard.suspensions import Suspensions
from flake8_aiguard.takers import Takers


class SharedState:
    """The attributes of the classes in one file, and who uses them when.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self.module = module
        self.locking = Locking(module)
        self.attributes = Attributes(module)
        self.mentions = Mentions(module, self.attributes)
        self.suspensions = Suspensions(module)
        self.concurrency = Concurrency(module, self.attributes)
        self.takers = Takers(module, self.attributes, self.concurrency, self.locking)
        self.candidates = Candidates(module, self.attributes, self.concurrency)
        self.grounds = Grounds(module, self.attributes, self.mentions, self.suspensions)
