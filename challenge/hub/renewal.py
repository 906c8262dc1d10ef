"""The rules of the challenge as its settings file has them now, also while the service runs."""

import logging
from dataclasses import replace
from typing import Any

from challenge.errors import ChallengeError
from challenge.store import SETTINGS, Challenge

__all__ = ["renew"]

_log = logging.getLogger(__name__)


def renew(state: Any) -> None:
    """Read the settings again if their file has changed; keep the old ones if they are faulty.

    Parameters
    ----------
    state : State
        Of the application; its ``challenge`` is replaced.
    """
    challenge: Challenge = state.challenge
    try:
        found = (challenge.folder / SETTINGS).stat()
    except OSError:
        return
    version = (found.st_mtime_ns, found.st_ino, found.st_size)
    if getattr(state, "settings", None) in (None, version):
        state.settings = version
        return
    state.settings = version
    try:
        fresh = Challenge.open(challenge.folder)
    except ChallengeError as error:
        _log.error("the old settings stay: %s", error)
        return
    if fresh.n_jets != challenge.n_jets:
        _log.error("the old settings stay: start the service again for another number of jets")
        return
    renewed = replace(challenge, name=fresh.name, rules=fresh.rules)
    for opened in ("store", "truth"):  # what is open stays open
        vars(renewed)[opened] = getattr(challenge, opened)
    state.challenge = renewed
