"""The API that notebooks use: the receipts, refusals and secrets of the core, over the web."""

import json
import time
from datetime import timedelta

import numpy as np
import pytest
from challenges import LABELS, N, content, file_of, ladder, send
from waiting import wait_until

from challenge.board import FORMATS, current_standings
from challenge.intake import DAY, accepted_text, submit, withdraw
from challenge.store import lifecycle, system_clock
from challenge.words import iso_text

HAND_IN = "api/submissions/cnn"


def test_a_file_gets_the_receipt_that_the_command_would_print(service, challenge, alice):
    answer = service.client(alice).post(HAND_IN, content=ladder(1))
    assert answer.status_code == 201
    told = answer.json()
    receipt = submit(challenge, ladder(1), team="Red", network="cnn")
    assert (told["team"], told["network"], told["by"]) == ("Red", "cnn", "alice")
    assert (told["sha256"], told["receipt"]) == (receipt.sha256, receipt.sha256[:12])
    assert (told["auc"], told["auc_error"]) == (receipt.card.auc.value, receipt.card.auc.error)
    assert (told["left"], told["state"], told["again"]) == (4, "SCORED", False)
    first, *others = told["lines"]
    assert f"{first.removesuffix('.')}; {' '.join(others)}" == accepted_text(receipt)


def test_the_same_file_again_has_the_same_receipt_and_costs_nothing(service, alice):
    client = service.client(alice)
    first = client.post(HAND_IN, content=ladder(1)).json()
    second = client.post(HAND_IN, content=ladder(1)).json()
    assert second == first | {"again": True}


def test_a_score_that_the_ladder_withholds_is_null(service, alice):
    client = service.client(alice)
    client.post(HAND_IN, content=ladder(2))
    told = client.post(HAND_IN, content=ladder(1)).json()
    assert told["auc"] is told["auc_error"] is None
    assert "not significantly better than your best" in told["lines"][0]
    assert client.get("api/submissions").json()["submissions"][1]["auc"] is None


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"0.1\n0.2\n", "not-npy"),
        (file_of(np.zeros(N - 1)), "shape"),
        (file_of(np.full(N, np.nan)), "not-finite"),
        (file_of(np.array([object()] * N)), "dtype"),
    ],
)
def test_a_bad_file_is_refused_with_a_reason_and_a_sentence(service, alice, data, reason):
    answer = service.client(alice).post(HAND_IN, content=data)
    assert (answer.status_code, answer.json()["reason"]) == (422, reason)
    assert answer.json()["sentence"].endswith(".")


def test_a_quota_that_is_used_says_when_to_try_again(service, challenge, alice):
    client = service.client(alice)
    assert client.post(HAND_IN, content=content()).status_code == 201
    lifecycle.extend(challenge, "Red", per_day=1)
    answer = client.post(HAND_IN, content=content(1))
    assert (answer.status_code, answer.json()["reason"]) == (429, "quota")
    assert DAY.total_seconds() - 60 < int(answer.headers["retry-after"]) <= DAY.total_seconds()


def test_a_challenge_that_takes_nothing_says_why(service, challenge, alice):
    client = service.client(alice)
    first = client.post(HAND_IN, content=ladder(0)).json()
    withdraw(challenge, "Red", [first["sha256"]])
    refusals = [client.post(HAND_IN, content=ladder(0))]
    lifecycle.pause(challenge)
    refusals.append(client.post(HAND_IN, content=ladder(1)))
    lifecycle.close(challenge)
    lifecycle.resume(challenge)
    lifecycle.close(challenge)
    refusals.append(client.post(HAND_IN, content=ladder(1)))
    lifecycle.reveal(challenge)
    refusals.append(client.post(HAND_IN, content=ladder(1)))
    reasons = [answer.json()["reason"] for answer in refusals]
    assert reasons == ["withdrawn", "paused", "closed", "revealed"]
    assert {answer.status_code for answer in refusals} == {409}


def test_rules_that_change_while_it_runs_hold_at_once(service, challenge, alice):
    settings = challenge.folder / "challenge.toml"
    before = settings.read_text()
    ended = iso_text(system_clock() - timedelta(hours=1))
    settings.write_text(f"{before}closes = {ended}\n")
    client = service.client(alice)
    assert client.post(HAND_IN, content=ladder(1)).json()["reason"] == "closed"
    settings.write_text("closes = what?")  # somebody is still writing
    assert client.post(HAND_IN, content=ladder(1)).json()["reason"] == "closed"
    settings.write_text(before)
    assert client.post(HAND_IN, content=ladder(1)).status_code == 201


def test_a_team_sees_what_it_was_told_and_nothing_of_another(service, challenge, alice):
    send(challenge, content(7), team="them", network="secret-net")
    client = service.client(alice)
    assert client.get("api/submissions").json()["submissions"] == []
    client.post(HAND_IN, content=ladder(1))
    told = client.get("api/submissions")
    assert [each["network"] for each in told.json()["submissions"]] == ["cnn"]
    assert (told.json()["team"], told.json()["left"]) == ("Red", 4)
    assert "secret-net" not in told.text
    for wish in ("api/submissions?team=them", "api/submissions/them"):
        assert "secret-net" not in client.get(wish).text


def newer_board(client, tag):
    """The board that follows the one with a tag; while it is being drawn, the last one is shown."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        answer = client.get("api/board", headers={"If-None-Match": tag})
        if answer.status_code != 304:
            return answer
    raise TimeoutError("The board stays as it is.")


def test_the_board_is_that_of_the_command_and_is_not_sent_twice(service, challenge, alice):
    client = service.client(alice)
    empty = client.get("api/board")
    assert empty.json()["entries"] == []
    send(challenge, ladder(1))
    board = newer_board(client, empty.headers["etag"])
    expected = json.loads(FORMATS["json"](current_standings(challenge)))
    assert board.json() == expected | {"drawn_at": board.json()["drawn_at"]}
    tag = board.headers["etag"]
    assert client.get("api/board", headers={"If-None-Match": tag}).status_code == 304
    send(challenge, ladder(3))
    assert newer_board(client, tag).status_code == 200


def test_health_needs_neither_login_nor_hub(service):
    service.hub.is_down = True
    assert service.client().get("health").json() == {"status": "ok"}
    assert service.hub.asked == []


HOSTILE = ["a/b", "..%2f..%2fetc", "%00", "%1b[31m", "<script>", "%E2%80%AEnnc", "a" * 65]


@pytest.mark.parametrize("network", HOSTILE)
def test_a_hostile_network_name_is_refused_and_leads_nowhere(service, challenge, alice, network):
    answer = service.client(alice).post(f"api/submissions/{network}", content=ladder(1))
    assert answer.status_code in (404, 422)
    assert answer.json()["reason"] in ("not-found", "network-name")
    assert "\x1b" not in answer.text
    assert challenge.store.records() == []


def test_labels_are_in_no_answer_and_no_log(service, challenge, alice, prof, caplog, monkeypatch):
    """Not even when the service fails in the middle of scoring."""
    secret = [LABELS.tobytes(), repr(LABELS.tolist())[1:60], str(LABELS)[1:40]]

    def fail(*_args, **_options):
        raise ValueError(f"labels are {LABELS.tolist()} {LABELS}")

    client = service.client(alice)
    seen = [client.post(HAND_IN, content=ladder(1))]
    monkeypatch.setattr("challenge.hub.submitting.submit", fail)
    failed = client.post(HAND_IN, content=ladder(2))
    assert (failed.status_code, failed.json()["reason"]) == (500, "fault")
    for path in ("api/me", "api/submissions", "api/board", "health", "labels.npz", "../labels.npz"):
        seen += [service.client(token).get(path) for token in (alice, prof)]
    told = b"".join(each.content for each in [*seen, failed]) + caplog.text.encode()
    assert "ValueError" in caplog.text
    for each in secret:
        assert (each if isinstance(each, bytes) else each.encode()) not in told
    assert "Traceback" not in caplog.text + failed.text
    assert str(challenge.folder) not in b"".join(each.content for each in seen).decode()


def access_lines(caplog):
    return [each.getMessage() for each in caplog.records if each.name == "challenge.hub.access"]


def test_neither_tokens_nor_codes_are_in_the_log(service, alice, caplog):
    caplog.set_level("INFO")
    browser = service.browser("alice")
    service.client(alice).get(f"api/me?token={alice}&code=geheim")
    browser.get("oauth_callback?code=geheim&state=geheim")
    wait_until(lambda: "GET /services/challenge/oauth_callback" in caplog.text)
    assert "GET /services/challenge/api/me 200" in caplog.text
    told = " ".join(each.getMessage() for each in caplog.records if each.name != "httpx")
    for secret in (alice, "geheim", service.hub.secret, *service.hub.tokens):
        assert secret not in told


def test_a_path_cannot_write_lines_of_the_log(service, caplog):
    caplog.set_level("INFO")
    service.client().get("nothing%0A2026-01-01%20challenge.hub.access%20forged")
    wait_until(lambda: access_lines(caplog))  # written once the answer is sent
    (line,) = access_lines(caplog)
    assert "\n" not in line
