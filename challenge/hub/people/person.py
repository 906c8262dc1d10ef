"""A person, as every page and function of the API knows them, and the token of their forms."""

from dataclasses import dataclass, field
from secrets import token_bytes
from typing import Final, Literal

from itsdangerous import BadSignature, TimestampSigner

from challenge.hub.answers import Denied

__all__ = ["Person", "check_form_token", "form_token"]

_FORM_SECONDS: Final = 12 * 3600


@dataclass(frozen=True)
class Person:
    """Who asks.

    Attributes
    ----------
    name : str
        On the hub, or of an invitation.
    team : str or None
        Whose files this person hands in and sees; None for an instructor.
    may : frozenset of str
        Of ``read``, ``submit`` and ``manage``.
    by : str
        ``header`` or ``cookie``: how they were recognised.
    """

    name: str
    team: str | None
    may: frozenset[str]
    by: Literal["header", "cookie"]
    form_key: bytes = field(default_factory=lambda: token_bytes(32), repr=False, compare=False)


def form_token(person: Person) -> str:
    """What a form carries to show that one of our pages made it; lasts for 12 hours."""
    return TimestampSigner(person.form_key).sign("form").decode()


def check_form_token(person: Person, text: str) -> None:
    """Refuse a form that no page of this person's has made.

    Raises
    ------
    Denied
        403.
    """
    try:
        TimestampSigner(person.form_key).unsign(text, max_age=_FORM_SECONDS)
    except BadSignature:
        raise Denied(
            403, "form", "This form is not from a page of yours, or is old: reload the page first."
        ) from None
