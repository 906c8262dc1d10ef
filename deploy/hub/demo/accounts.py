"""The accounts of the demo: real ones for root, folders and passwords for anybody else."""

from __future__ import annotations

import os
import pwd
import secrets
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NOTE = "made by the demo of the jet tagging hub"  # the comment of its accounts


class DemoError(Exception):
    """Why the demo cannot start, and what to do."""


@dataclass(frozen=True)
class Account:
    """Somebody of the demo; `uid` is None where all share one account."""

    name: str
    home: Path
    uid: int | None
    password: str = field(default_factory=lambda: secrets.token_urlsafe(9), repr=False)

    def takes(self, *folders: Path) -> None:
        """Make folders that nobody else can enter."""
        for folder in folders:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
            if self.uid is not None:
                os.chown(folder, self.uid, self.uid)

    def owns(self, folder: Path) -> None:
        """Give a folder and what it holds to the account."""
        if self.uid is not None:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, self.uid, self.uid)

    def options(self) -> dict[str, Any]:
        """What `subprocess` needs to run something on this account."""
        if self.uid is None:
            return {}
        return {"user": self.uid, "group": self.uid, "extra_groups": []}


@contextmanager
def shared_accounts(names: Sequence[str], homes: Path) -> Iterator[dict[str, Account]]:
    """Homes and passwords for people who all run as the account that starts the demo."""
    accounts = {name: Account(name, homes / name, None) for name in names}
    for account in accounts.values():
        account.takes(account.home)
    yield accounts


@contextmanager
def unix_accounts(names: Sequence[str], homes: Path) -> Iterator[dict[str, Account]]:
    """Make real accounts, whose passwords the hub asks PAM for, and remove them in the end."""
    made: list[str] = []
    try:
        accounts = {}
        for name in names:
            make = ["useradd", "--create-home", "--home-dir", str(homes / name), "--user-group"]
            make += ["--comment", NOTE, "--shell", "/bin/bash", "--key", "HOME_MODE=0700", name]
            _run(make)
            made.append(name)
            accounts[name] = Account(name, homes / name, pwd.getpwnam(name).pw_uid)
        lines = "".join(f"{each.name}:{each.password}\n" for each in accounts.values())
        _run(["chpasswd"], input=lines)
        yield accounts
    finally:
        for name in reversed(made):
            remove_account(name)


def remove_account(name: str) -> None:
    """Remove an account with its home and mail."""
    subprocess.run(["userdel", "--force", "--remove", name], capture_output=True, check=False)


def leftover_accounts() -> list[str]:
    """Name the accounts that a demo made, of one that still runs or that was killed."""
    return [each.pw_name for each in pwd.getpwall() if each.pw_gecos.startswith(NOTE)]


def free_names(names: Sequence[str]) -> dict[str, str]:
    """Choose an account for each name, none of which this machine has: demo-NAME or demo2-NAME."""
    taken = {each.pw_name for each in pwd.getpwall()}
    for number in range(1, 100):
        prefix = f"demo{number if number > 1 else ''}-"
        if not any(prefix + name in taken for name in names):
            return {name: prefix + name for name in names}
    raise DemoError("A hundred demos have left accounts behind: run it with --remove-accounts.")


def _run(command: Sequence[str], **options: Any) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, **options)
    except FileNotFoundError:
        raise DemoError(f"{command[0]} is missing: run the demo as an ordinary user.") from None
    except subprocess.CalledProcessError as error:
        raise DemoError(f"{command[0]} failed: {error.stderr.strip()}") from None
