"""A file handed in from a cell: the answer is printed, and no fault is a traceback."""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from course_utils.grading import SubmissionError, service, submit
from course_utils.grading.invitation import find_service

LINES = ["accepted red / cnn: AUC 0.95 ± 0.01 (receipt 5f2b).", "3 of 5 submissions left."]
ACCEPTED = {
    "team": "red",
    "network": "cnn",
    "by": "anna",
    "receipt": "5f2b",
    "sha256": "5f2b" * 16,
    "received_at": "2099-01-01T12:00:00Z",
    "state": "scored",
    "lines": LINES,
    "auc": 0.95,
    "auc_error": 0.01,
    "left": 3,
    "returns_at": "2099-01-02T12:00:00Z",
    "again": False,
}
Answer = tuple[int, Any, dict[str, str]]


@dataclass
class Challenge:
    """A web server that answers what a test orders, and remembers what it was sent."""

    url: str = ""
    answers: list[Answer] = field(default_factory=list)
    asked: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    patience: float = 0.0  # seconds before it answers

    def will_answer(self, status: int, body: Any, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers.append((status, body, named))


def _handler(challenge: Challenge) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            challenge.asked.append((self.path, dict(self.headers), body))
            time.sleep(challenge.patience)
            status, content, headers = challenge.answers.pop(0)
            data = content.encode() if isinstance(content, str) else json.dumps(content).encode()
            self.send_response(status)
            for name, value in (headers | {"Content-Length": str(len(data))}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: object) -> None:
            pass

    return Handler


@pytest.fixture
def nowhere(tmp_path, monkeypatch) -> None:
    """A notebook's folder and a home without any service."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    for name in ("CHALLENGE_URL", "JUPYTERHUB_API_TOKEN", "CHALLENGE_INVITATION"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def challenge(nowhere, monkeypatch) -> Iterator[Challenge]:
    """A service on this machine that a hub's environment names."""
    challenge = Challenge()
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(challenge)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        challenge.url = f"http://127.0.0.1:{server.server_port}/services/challenge"
        monkeypatch.setenv("CHALLENGE_URL", challenge.url)
        monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "of-anna")
        try:
            yield challenge
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def scores(tmp_path) -> Path:
    np.save(tmp_path / "red_cnn.npy", np.linspace(0, 1, 100, dtype=np.float32))
    return tmp_path / "red_cnn.npy"


def test_an_accepted_file_brings_its_lines_and_a_receipt_that_prints_short(
    challenge, scores, capsys
):
    challenge.will_answer(201, ACCEPTED)
    receipt = submit(scores, network="cnn")
    assert capsys.readouterr().out.splitlines() == LINES
    assert (receipt.team, receipt.auc, receipt.left) == ("red", 0.95, 3)
    assert repr(receipt) == "<Receipt 5f2b of red / cnn: AUC 0.9500 ± 0.0100>"
    path, headers, body = challenge.asked[0]
    assert path == "/services/challenge/api/submissions/cnn"
    assert headers["Authorization"] == "token of-anna"
    assert body == scores.read_bytes()


def test_a_withheld_score_is_said_to_be_withheld(challenge, scores):
    challenge.will_answer(200, ACCEPTED | {"auc": None, "auc_error": None, "again": True})
    assert repr(submit(scores)) == "<Receipt 5f2b of red / cnn: AUC withheld>"


def test_a_network_is_called_after_its_file_and_no_name_leaves_its_place(challenge, scores):
    for network in (None, "../../hub/api", "a b?c#d"):
        challenge.will_answer(422, {"reason": "network-name", "sentence": "No."})
        submit(scores, network=network)
    assert [path.rpartition("/submissions/")[2] for path, _, _ in challenge.asked] == [
        "red_cnn",
        "..%2F..%2Fhub%2Fapi",
        "a%20b%3Fc%23d",
    ]


def test_a_large_file_shows_how_far_it_is(challenge, tmp_path, capsys):
    np.save(tmp_path / "large.npy", np.zeros(400_000, dtype=np.float32))
    challenge.will_answer(201, ACCEPTED)
    assert submit("large.npy")
    assert "100%" in capsys.readouterr().err
    assert len(challenge.asked[0][2]) == (tmp_path / "large.npy").stat().st_size


@pytest.mark.parametrize("status", [401, 403, 409, 413, 422, 429])
def test_a_refusal_is_one_sentence_and_the_file_stays(challenge, scores, capsys, status):
    refusal = {"reason": "some-code", "sentence": "Do something else."}
    challenge.will_answer(status, refusal, Retry_After="5")
    assert submit(scores) is None
    printed = capsys.readouterr().out
    assert printed == f"Not handed in. Do something else. Your file is kept: {scores}\n"
    assert scores.is_file()
    assert len(challenge.asked) == 1  # a quota is not waited for


def test_a_busy_service_is_asked_again(challenge, scores, capsys, monkeypatch):
    waited = []
    monkeypatch.setattr(service.time, "sleep", waited.append)
    for _ in range(2):
        challenge.will_answer(429, {"reason": "busy", "sentence": "Wait."}, Retry_After="2")
    challenge.will_answer(201, ACCEPTED)
    assert submit(scores)
    assert len([wait for wait in waited if 2 <= wait <= 3]) == 2
    assert capsys.readouterr().out.count("trying again in 2 s") == 2


def test_a_service_that_stays_busy_is_given_up(challenge, scores, capsys, monkeypatch):
    monkeypatch.setattr(service.time, "sleep", lambda seconds: None)
    for _ in range(6):
        challenge.will_answer(429, {"reason": "busy", "sentence": "Wait."}, Retry_After="2")
    assert submit(scores) is None
    assert "Not handed in. Wait." in capsys.readouterr().out
    assert not challenge.answers


def test_the_token_is_sent_to_no_other_place(challenge, scores, capsys, monkeypatch, tmp_path):
    login = challenge.url.replace("127.0.0.1", "localhost")
    challenge.will_answer(302, "", Location=login)
    assert submit(scores) is None
    assert len(challenge.asked) == 1
    assert "asks for a login" in capsys.readouterr().out


def test_neither_a_proxy_nor_a_netrc_comes_between_a_server_and_its_hub(
    challenge, scores, monkeypatch, tmp_path
):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login other password other\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    challenge.will_answer(201, ACCEPTED)
    assert submit(scores)
    assert challenge.asked[0][1]["Authorization"] == "token of-anna"


@pytest.mark.parametrize("body", ["<html>Bad gateway</html>", {"sentence": 3}, [1]])
@pytest.mark.parametrize("status", [200, 404, 502])
def test_what_is_no_answer_of_a_challenge_is_a_sentence_too(
    challenge, scores, capsys, status, body
):
    challenge.will_answer(status, body)
    assert submit(scores) is None
    assert f"HTTP {status}" in capsys.readouterr().out


def test_a_service_that_is_down_is_a_sentence(challenge, scores, capsys, monkeypatch):
    monkeypatch.setenv("CHALLENGE_URL", "http://127.0.0.1:9/services/challenge")
    assert submit(scores) is None
    assert "127.0.0.1:9 cannot be reached" in capsys.readouterr().out


def test_a_service_that_is_too_slow_is_a_sentence(challenge, scores, capsys, monkeypatch):
    monkeypatch.setattr(service, "_TIMEOUT", (5, 0.05))
    challenge.patience = 0.3
    challenge.will_answer(201, ACCEPTED)
    assert submit(scores) is None
    assert "gave no answer in time. Try again" in capsys.readouterr().out


def test_a_certificate_that_nobody_signed_is_a_sentence(nowhere, scores, capsys, monkeypatch):
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl to make a certificate")
    make = "req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -days 2 -keyout key -out cert"
    subprocess.run(["openssl", *make.split()], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("cert", "key")
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(Challenge())) as server:
        server.handle_error = lambda *args: None
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        link = f"https://localhost:{server.server_port}/join#token"
        monkeypatch.setenv("CHALLENGE_INVITATION", link)
        try:
            assert submit(scores) is None
        finally:
            server.shutdown()
            thread.join()
    assert "certificate of localhost" in capsys.readouterr().out


def test_without_a_service_it_says_how_to_bring_the_file(nowhere, scores, capsys):
    assert submit(scores) is None
    printed = capsys.readouterr().out
    assert "bring the file to your instructor" in printed
    assert f"Your file is kept: {scores}" in printed


@pytest.mark.parametrize("place", ["variable", ".", "home"])
def test_an_invitation_leads_to_a_service_without_a_hub(
    challenge, scores, monkeypatch, tmp_path, place
):
    monkeypatch.delenv("CHALLENGE_URL")
    link = f"{challenge.url}/join#Abc-123_x"
    if place == "variable":
        monkeypatch.setenv("CHALLENGE_INVITATION", link)
    else:
        (tmp_path / place).mkdir(exist_ok=True)
        (tmp_path / place / "challenge_invitation.txt").write_text(f" {link}\n")
    challenge.will_answer(201, ACCEPTED)
    assert submit(scores)
    assert challenge.asked[0][1]["Authorization"] == "token Abc-123_x"


@pytest.mark.parametrize(
    "text",
    ["", "me", "https://x/join", "https://x/#t", "https:///join#t", "ftp://x/join#t", "https://x/join#a\nb"],
)  # fmt: skip
def test_what_is_no_invitation_is_named_with_its_place(nowhere, scores, capsys, text):
    Path("challenge_invitation.txt").write_text(text)
    assert submit(scores) is None
    assert "Expected an invitation like" in capsys.readouterr().out
    with pytest.raises(SubmissionError, match=r"challenge_invitation\.txt"):
        find_service({})


def test_a_token_is_not_shown_with_its_service():
    found = find_service({"CHALLENGE_INVITATION": "https://x.org/course/join#secret-token"})
    assert "https://x.org/course" in repr(found)
    assert "secret" not in repr(found)


def test_files_that_cannot_be_sent_are_named(challenge, tmp_path, capsys):
    (tmp_path / "folder.npy").mkdir()
    with (tmp_path / "huge.npy").open("wb") as file:
        file.truncate(16 * 2**20 + 1)
    for name in ("missing.npy", "folder.npy", "huge.npy"):
        assert submit(name) is None
    missing, folder, huge = capsys.readouterr().out.splitlines()
    assert "There is no file missing.npy" in missing
    assert "folder.npy cannot be read" in folder
    assert "at most 16777216" in huge
    assert not challenge.asked
