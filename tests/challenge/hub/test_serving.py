"""The service as a process: how it starts, what it says, how it ends, and two at once."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from challenges import content, ladder
from fake_hub import running

from challenge.cli import main
from challenge.hub import Site
from challenge.hub.site import Hub, address_of
from challenge.intake import invite
from challenge.intake.reception import Arrival, receive

ROOT = Path(__file__).resolve().parents[3]


class Process:
    """``python -m challenge serve`` at a free port."""

    def __init__(self, folder, log):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}/"
        self.log = log
        clean = {k: v for k, v in os.environ.items() if not k.startswith("JUPYTERHUB_")}
        environment = clean | {"PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)])}
        command = [sys.executable, "-m", "challenge", "serve", str(folder), "--port", str(port)]
        with log.open("wb") as file:
            self.process = subprocess.Popen(command, env=environment, stdout=file, stderr=file)

    def client(self, token):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                httpx.get(f"{self.address}health", trust_env=False)
                break
            except httpx.ConnectError:
                time.sleep(0.05)
        headers = {"Authorization": f"token {token}"}
        return httpx.Client(base_url=self.address, headers=headers, trust_env=False, timeout=60)


@pytest.fixture
def process(challenge, tmp_path):
    process = Process(challenge.folder, tmp_path / "log")
    yield process
    process.process.kill()
    process.process.wait()


@pytest.mark.slow
def test_a_service_that_is_told_to_stop_finishes_what_is_in_flight(challenge, process):
    """The service waits for a body when it is told to stop, and the receipt still comes."""
    _, token = invite(challenge, "Red")
    data = ladder(1)
    head = (
        "POST /api/submissions/cnn HTTP/1.1\r\nHost: here\r\nConnection: close\r\n"
        f"Authorization: token {token}\r\nContent-Length: {len(data)}\r\n"
        "Expect: 100-continue\r\n\r\n"
    )
    process.client(token).close()  # it has started
    address = urlsplit(process.address)
    with socket.create_connection((address.hostname, address.port), timeout=60) as connection:
        connection.sendall(head.encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")  # it wants the body
        process.process.send_signal(signal.SIGTERM)
        time.sleep(1)
        connection.sendall(data)
        answer = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    assert answer.startswith(b"HTTP/1.1 201 ")
    process.process.wait(timeout=60)
    log = process.log.read_text()
    assert "POST /api/submissions/cnn 201" in log
    assert token not in log
    assert "Traceback" not in log
    (record,) = challenge.store.records()
    assert record.sha256.encode() in answer


def test_a_service_finishes_at_its_start_what_a_kill_interrupted(challenge):
    sha256 = challenge.store.keep(content())
    receive(challenge, Arrival("Red", "cnn", sha256))
    assert challenge.store.unsettled()
    with running(challenge, Site()):
        assert challenge.store.unsettled() == []
        assert len(challenge.store.scored()) == 1


def test_two_services_share_one_challenge_and_its_quota(challenge):
    _, token = invite(challenge, "Red")
    with running(challenge, Site()) as first, running(challenge, Site()) as second:
        clients = [first.client(token), second.client(token)]
        answers = []

        def send(number):
            client = clients[number % 2]
            answers.append(client.post("api/submissions/cnn", content=content(number)).status_code)

        threads = [threading.Thread(target=send, args=(number,)) for number in range(8)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert sorted(answers) == [201] * 5 + [429] * 3
        assert len(second.client(token).get("api/submissions").json()["submissions"]) == 5


def test_a_port_that_is_taken_is_told(challenge, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main(["serve", str(challenge.folder), "--port", port]) == 2
    assert "choose another --port" in capsys.readouterr().err


def test_labels_that_others_can_read_stop_the_service(challenge, capsys):
    (challenge.folder / "labels.npz").chmod(0o644)
    assert main(["serve", str(challenge.folder), "--port", "0"]) == 2
    assert "chmod 600" in capsys.readouterr().err
    (challenge.folder / "labels.npz").chmod(0o600)
    (challenge.folder / "service.key").write_bytes(bytes(32))
    (challenge.folder / "service.key").chmod(0o644)
    assert main(["serve", str(challenge.folder), "--port", "0"]) == 2
    assert "Others can read" in capsys.readouterr().err


def test_a_machine_without_the_extra_is_told_what_to_install(challenge, capsys, monkeypatch):
    monkeypatch.delitem(sys.modules, "challenge.hub")
    monkeypatch.delattr("challenge.hub", raising=False)
    monkeypatch.setitem(sys.modules, "challenge.hub", None)
    assert main(["serve", str(challenge.folder)]) == 2
    assert "[hub]" in capsys.readouterr().err


# --- what a hub says in the environment ------------------------------------------------------

VARIABLES = {
    "JUPYTERHUB_SERVICE_PREFIX": "/base/services/challenge/",
    "JUPYTERHUB_SERVICE_URL": "http://127.0.0.1:10101/",
    "JUPYTERHUB_API_TOKEN": "geheim",
    "JUPYTERHUB_API_URL": "http://127.0.0.1:8081/base/hub/api",
    "JUPYTERHUB_CLIENT_ID": "service-challenge",
    "JUPYTERHUB_BASE_URL": "/base/",
}


def test_the_variables_of_a_hub_describe_the_site():
    site = Site.from_environment(VARIABLES)
    assert site.prefix == "/base/services/challenge/"
    assert site.hub == Hub(
        "http://127.0.0.1:8081/base/hub/api",
        "geheim",
        "service-challenge",
        "/base/hub/api/oauth2/authorize",
        "/base/services/challenge/oauth_callback",
    )
    assert address_of(VARIABLES) == ("127.0.0.1", 10101)
    assert address_of(VARIABLES, "0.0.0.0", 80) == ("0.0.0.0", 80)
    assert "geheim" not in repr(site)


def test_a_hub_on_another_host_is_where_browsers_log_in():
    said = {"JUPYTERHUB_HOST": "https://hub.example.org"}
    site = Site.from_environment(VARIABLES | said)
    assert site.hub.authorize_url == "https://hub.example.org/base/hub/api/oauth2/authorize"


@pytest.mark.parametrize("lacking", ["API_TOKEN", "API_URL", "CLIENT_ID"])
def test_a_hub_that_is_described_by_half_is_an_error(lacking, challenge, capsys, monkeypatch):
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv(f"JUPYTERHUB_{lacking}")
    assert main(["serve", str(challenge.folder), "--port", "0"]) == 2
    assert "JUPYTERHUB_API_URL" in capsys.readouterr().err
