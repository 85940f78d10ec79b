"""Accounts of the shop's customers."""

import bcrypt


class Accounts:
    """Passwords are stored as bcrypt hashes.

    Args:
        users: a mapping of names to hashes, with coroutines ``get`` and ``set``.
    """

    def __init__(self, users):
        self.users = users

    async def register(self, name: str, password: str) -> None:
        hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt())
        await self.users.set(name, hashed)
