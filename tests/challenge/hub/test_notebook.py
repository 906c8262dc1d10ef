"""`submit` of `course_utils.grading` and the service understand each other."""

import pytest
from challenges import content, ladder
from fake_hub import running

from challenge.hub.site import Site
from challenge.intake import invite, revoke_invitation
from course_utils.grading import submit


@pytest.fixture
def write(tmp_path, monkeypatch):
    """A function that writes a file of scores into a notebook's folder."""
    monkeypatch.chdir(tmp_path)

    def written(data: bytes) -> str:
        (tmp_path / "cnn.npy").write_bytes(data)
        return "cnn.npy"

    return written


def test_a_cell_on_a_hub_hands_in_and_reads_what_the_service_says(
    service, alice, write, monkeypatch, capsys
):
    monkeypatch.setenv("CHALLENGE_URL", service.url)
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", alice)
    first = submit(write(ladder(2)))
    assert (first.team, first.network, first.left) == ("Red", "cnn", 4)
    assert f"AUC {first.auc:.4f} ± {first.auc_error:.4f}" in capsys.readouterr().out
    assert submit(write(ladder(2))) == first  # the same file again costs nothing
    weaker = submit(write(ladder(1)))
    assert (weaker.auc, weaker.left) == (None, 3)
    assert "not significantly better than your best" in capsys.readouterr().out
    assert submit(write(b"no scores")) is None
    assert "Not handed in. " in capsys.readouterr().out


def test_an_invitation_hands_in_without_a_hub_until_it_is_revoked(
    challenge, write, monkeypatch, capsys
):
    monkeypatch.delenv("CHALLENGE_URL", raising=False)
    made, token = invite(challenge, "Group A")
    with running(challenge, Site()) as service:
        link = f"{service.address}/join#{token}"
        monkeypatch.setenv("CHALLENGE_INVITATION", link)
        assert submit(write(content())).team == "Group A"
        revoke_invitation(challenge, made.number)
        assert submit(write(content(1))) is None
    assert "Not handed in. " in capsys.readouterr().out
