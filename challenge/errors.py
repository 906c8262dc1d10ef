"""The exceptions that leave the challenge; every message says what to do.

::

    Refusal               what was handed in cannot be accepted: a reason code and one sentence
    +-- SubmissionError   a prediction, or the name it came under
    +-- CreationError     the labels, jets or plan of a new challenge
    ChallengeError        the challenge itself cannot be used as asked
"""

__all__ = ["ChallengeError", "CreationError", "Refusal", "SubmissionError"]


class Refusal(Exception):
    """What was handed in cannot be accepted.

    Parameters
    ----------
    reason : str
        A short code that stays the same, like ``shape``.
    sentence : str
        What was expected, what came, what to do.
    """

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason
        self.sentence = sentence


class SubmissionError(Refusal):
    """A prediction, or the name it was submitted under, that cannot be accepted."""


class CreationError(Refusal):
    """Jets or labels that cannot make a challenge, or a folder that is not free."""


class ChallengeError(Exception):
    """The challenge cannot be used as asked. The message says what to do."""
