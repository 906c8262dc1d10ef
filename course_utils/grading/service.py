"""Hand in to the course's challenge from a cell, and read the answer there."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import quote, urlsplit

import requests
from requests import PreparedRequest
from tqdm.auto import tqdm
from tqdm.utils import CallbackIOWrapper

from course_utils.grading.invitation import INVITATION_FILE, Service, find_service
from course_utils.grading.submissions import SubmissionError

__all__ = ["Receipt", "submit"]

_MOST_BYTES: Final = 16 * 2**20  # what the service takes
_BYTES_WITH_BAR: Final = 2**20  # a smaller file is sent before a bar is drawn
_TIMEOUT: Final = (10.0, 120.0)  # seconds to connect; to wait for the answer
_LONGEST_WAIT: Final = 30  # seconds between two tries
_TRIES: Final = 6


@dataclass(frozen=True, repr=False)
class Receipt:
    """What the challenge says about an accepted file.

    Attributes
    ----------
    team, network : str
    receipt : str
        The first digits of the file's SHA-256.
    received_at : str
        UTC.
    auc, auc_error : float or None
        On the public jets; None while the score is withheld.
    left : int
        How many submissions the team has left.
    returns_at : str or None
        When the next one returns, UTC.
    """

    team: str
    network: str
    receipt: str
    received_at: str
    auc: float | None
    auc_error: float | None
    left: int
    returns_at: str | None

    def __repr__(self) -> str:
        score = "withheld" if self.auc is None else f"{self.auc:.4f} ± {self.auc_error:.4f}"
        return f"<Receipt {self.receipt} of {self.team} / {self.network}: AUC {score}>"


def submit(path: str | Path, *, network: str | None = None) -> Receipt | None:
    """Hand a file of scores in to the challenge, and print the receipt or what to do.

    The file always stays where it is. Handing in the same file again costs nothing and brings the
    same receipt.

    Parameters
    ----------
    path : path
        A ``.npy`` file, as `predict_for_dnn_challenge` and `predict_for_cnn_challenge` write it.
    network : str, optional
        The network's name on the board; the name of the file without ``.npy`` if left out.

    Returns
    -------
    Receipt or None
        None if the file was refused or nothing could be handed in; the printed sentence says why.
        No fault of the file, the network or the service raises.
    """
    path = Path(path)
    try:
        service = find_service()
        if service is None:
            raise SubmissionError(
                "There is no challenge service here: bring the file to your instructor, or save"
                f" the invitation that you were given as {INVITATION_FILE} beside the notebook."
            )
        answer = _handed_in(service, path, path.stem if network is None else network)
        print(*answer["lines"], sep="\n")
        return Receipt(**{name: answer[name] for name in Receipt.__dataclass_fields__})
    except SubmissionError as reason:
        kept = f" Your file is kept: {path}" if path.is_file() else ""
        print(f"Not handed in. {reason}{kept}")
        return None


def _handed_in(service: Service, path: Path, network: str) -> dict[str, Any]:
    """Send a file; wait a little where the service has its hands full."""
    try:
        size = path.stat().st_size
    except OSError:
        raise SubmissionError(f"There is no file {path}: write it first.") from None
    if size > _MOST_BYTES:
        raise SubmissionError(
            f"{path} has {size} bytes; a file of scores has at most {_MOST_BYTES}."
        )
    for tries_left in reversed(range(_TRIES)):
        try:
            response = _sent(service, path, size, network)
        except requests.RequestException as error:
            raise SubmissionError(_what_to_do(error, service)) from None
        except OSError as error:
            raise SubmissionError(f"{path} cannot be read ({error.strerror}).") from None
        wait = _seconds_to_wait(response)
        if wait is None or not tries_left:
            break
        print(f"The challenge is busy; trying again in {wait} s.")
        time.sleep(wait * random.uniform(1, 1.5))  # not everyone at the same moment
    return _understood(response)


def _seconds_to_wait(response: requests.Response) -> int | None:
    """Return when to send the file again; None unless the service only has its hands full."""
    wait = response.headers.get("Retry-After", "")
    busy = response.status_code == 429 and _content(response).get("reason") == "busy"
    return min(int(wait), _LONGEST_WAIT) if busy and wait.isdigit() else None


def _sent(service: Service, path: Path, size: int, network: str) -> requests.Response:
    """POST a file as the body of a request, with a bar if it is large."""
    url = f"{service.url}/api/submissions/{quote(network, safe='')}"
    # The hub is this machine or its neighbour: a proxy of the site must not see its token.
    proxies = {"no_proxy": urlsplit(url).hostname or ""} if service.is_of_the_hub else None
    quiet = size < _BYTES_WITH_BAR
    with (
        path.open("rb") as file,
        tqdm(total=size, unit="B", unit_scale=True, desc=network, disable=quiet) as bar,
    ):
        body: IO[bytes] = CallbackIOWrapper(bar.update, file, "read")
        return requests.post(
            url,
            data=body,
            auth=_Token(service.token),
            headers={"Content-Type": "application/octet-stream"},
            timeout=_TIMEOUT,
            proxies=proxies,
            allow_redirects=False,  # the token goes nowhere else
        )


class _Token(requests.auth.AuthBase):
    """The header with the token; as an `auth`, a ~/.netrc does not replace it."""

    def __init__(self, token: str) -> None:
        self.token = token

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers["Authorization"] = f"token {self.token}"
        return request


def _content(response: requests.Response) -> dict[str, Any]:
    """Return the JSON of an answer; {} if it is something else."""
    try:
        answer = response.json()
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _understood(response: requests.Response) -> dict[str, Any]:
    """Return the receipt of an answer, or raise the sentence of a refusal."""
    answer = _content(response)
    if response.status_code in (200, 201) and answer.get("lines"):
        return answer
    if response.status_code >= 400 and isinstance(answer.get("sentence"), str):
        raise SubmissionError(answer["sentence"])
    if response.is_redirect:
        raise SubmissionError(
            "The challenge asks for a login: stop and start your server on the hub, or ask your"
            " instructor for a new invitation."
        )
    raise SubmissionError(
        f"The challenge does not work at present (HTTP {response.status_code}): try again in some"
        " minutes, and tell your instructor if it stays so."
    )


def _what_to_do(error: requests.RequestException, service: Service) -> str:
    """Say what a student can do about a failed request."""
    place = urlsplit(service.url).netloc
    if isinstance(error, requests.exceptions.SSLError):
        return (
            f"The certificate of {place} is not valid, so nothing was sent: check the address and"
            " your clock, and tell your instructor."
        )
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return f"{place} does not answer: check your network, and try again later."
    if isinstance(error, requests.exceptions.Timeout):
        return (
            f"{place} gave no answer in time. Try again: if the file did arrive, you get its"
            " receipt, and it counts once."
        )
    if isinstance(error, requests.exceptions.ConnectionError):
        return (
            f"{place} cannot be reached: check your network, and try again later. If the file did"
            " arrive, you get its receipt, and it counts once."
        )
    return f"{place} cannot be asked ({type(error).__name__}): tell your instructor."
