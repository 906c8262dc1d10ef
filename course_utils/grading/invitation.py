"""Find the course's challenge service.

On a hub the service is found by the variables ``CHALLENGE_URL`` and ``JUPYTERHUB_API_TOKEN``.
Elsewhere an invitation leads to it: a link from the instructor, in the variable
``CHALLENGE_INVITATION`` or in a file ``challenge_invitation.txt`` beside the notebook or in the
home. A link holds a token that hands in for a team, so it is as private as a password.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from course_utils.grading.submissions import SubmissionError

__all__ = ["INVITATION_FILE", "Service", "find_service"]

INVITATION_FILE: Final = "challenge_invitation.txt"


@dataclass(frozen=True)
class Service:
    """Where a challenge takes files, and the token that says who hands in."""

    url: str
    token: str = field(repr=False)
    is_of_the_hub: bool = False


def find_service(variables: Mapping[str, str] | None = None) -> Service | None:
    """Find the service in the hub's environment or an invitation; None if there is none.

    Raises
    ------
    SubmissionError
        If an invitation is not a link with a token; `submit` prints the sentence.
    """
    variables = os.environ if variables is None else variables
    url, token = variables.get("CHALLENGE_URL"), variables.get("JUPYTERHUB_API_TOKEN")
    if url and token:
        return Service(url.rstrip("/"), token, is_of_the_hub=True)
    if text := variables.get("CHALLENGE_INVITATION"):
        return _invited(text, "the variable CHALLENGE_INVITATION")
    for path in (Path(INVITATION_FILE), Path.home() / INVITATION_FILE):
        if path.is_file():
            return _invited(path.read_text(encoding="utf-8", errors="replace"), str(path))
    return None


def _invited(text: str, source: str) -> Service:
    """Take an invitation apart: the service's address, ``/join#``, the token."""
    link = re.fullmatch(r"(https?://[^\s#?]+)/join#([\w.~-]+)", text.strip(), re.ASCII)
    if link is None or not urlsplit(link[1]).hostname:
        raise SubmissionError(
            f"Expected an invitation like https://.../join#... in {source}; copy the complete link"
            " from your instructor."
        )
    return Service(link[1], link[2])
