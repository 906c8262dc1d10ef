"""The files of deploy/hub agree with one another, and the demo leaves nothing behind."""

from __future__ import annotations

import os
import pwd
import re
import runpy
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hub_browser import others_can_run_it
from traitlets.config import Config, PyFileConfigLoader

ROOT = Path(__file__).resolve().parents[2]
HUB = ROOT / "deploy" / "hub"
ACCESS = runpy.run_path(str(HUB / "access.py"))
COURSE = "jet-tagging"


def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **variables: str) -> Config:
    """What `jupyterhub_config.py` says, for the people of `people.toml`."""
    shutil.copy(HUB / "people.toml", tmp_path)
    for unit in ("challenge", "formgrader"):
        (tmp_path / f"{unit}.env").write_text("JUPYTERHUB_API_TOKEN=" + "5e" * 32 + "\n")
    for name, value in ({"HUB_STATE": str(tmp_path)} | variables).items():
        monkeypatch.setenv(name, value)
    return PyFileConfigLoader("jupyterhub_config.py", path=str(HUB)).load_config()


def test_people_get_in_with_their_teams_and_nobody_else(tmp_path, monkeypatch):
    c = configured(tmp_path, monkeypatch)
    assert c.Authenticator.allowed_users == {"prof", "dora", "anna", "ben", "carla"}
    assert c.Authenticator.admin_users == set()
    groups = {name: each["users"] for name, each in c.JupyterHub.load_groups.items()}
    assert groups == {
        f"nbgrader-{COURSE}": ["anna", "ben", "carla", "dora"],
        f"formgrade-{COURSE}": ["prof"],
        "team-red": ["anna", "ben"],
        "team-blue": ["carla"],
    }


def test_no_students_right_manages_and_no_server_of_anyone_can(tmp_path, monkeypatch):
    c = configured(tmp_path, monkeypatch)
    manage = "custom:challenge:manage"
    rights = {role["name"]: role["scopes"] for role in c.JupyterHub.load_roles}
    assert [name for name, scopes in rights.items() if manage in scopes] == ["instructor"]
    assert not [each for each in rights["user"] if each.endswith(f"service={COURSE}")]
    assert manage not in c.Spawner.server_token_scopes


def test_the_challenge_is_a_unit_of_its_own_unless_its_folder_is_given(tmp_path, monkeypatch):
    alone, grader = configured(tmp_path, monkeypatch).JupyterHub.services
    assert alone["api_token"] == "5e" * 32
    assert "command" not in alone
    assert grader["api_token"] == "5e" * 32
    managed, _ = configured(tmp_path, monkeypatch, CHALLENGE_FOLDER="/x").JupyterHub.services
    assert managed["user"] == "jetchallenge"
    assert managed["command"][1:5] == ["-m", "challenge", "serve", "/x"]


def test_a_token_that_was_not_made_stops_the_hub_with_a_sentence(tmp_path, monkeypatch):
    configured(tmp_path, monkeypatch)
    (tmp_path / "challenge.env").write_text("JUPYTERHUB_API_TOKEN=\n")
    with pytest.raises(ValueError, match="Expected JUPYTERHUB_API_TOKEN="):
        PyFileConfigLoader("jupyterhub_config.py", path=str(HUB)).load_config()


def test_servers_of_students_are_limited_and_know_the_challenge(tmp_path, monkeypatch):
    c = configured(tmp_path, monkeypatch, STUDENT_MEMORY="1000", HUB_ADDRESS="http://127.0.0.1:80")
    limit = c.Spawner.cmd.index(f"--data={1000 * 2**20}")
    probe = [*c.Spawner.cmd[: limit + 2], sys.executable, "-c", "bytearray(2**30)"]
    done = subprocess.run(probe, capture_output=True, text=True, check=False)
    assert "MemoryError" in done.stderr
    assert c.Spawner.environment["CHALLENGE_URL"] == "http://127.0.0.1:80/services/challenge"


def test_kubernetes_gives_the_same_rights_as_one_machine():
    hub = yaml.safe_load((HUB / "values.yaml").read_text())["hub"]
    assert hub["config"]["JupyterHub"]["custom_scopes"] == ACCESS["SCOPES"]
    assert hub["config"]["Spawner"]["server_token_scopes"] == ACCESS["SERVER_SCOPES"]
    allowed = hub["services"]["challenge"]["oauth_client_allowed_scopes"]
    assert allowed == ACCESS["BROWSER_SCOPES"]
    grader = f"access:services!service={COURSE}"  # there is none on Kubernetes
    expected = {role.pop("name"): role for role in ACCESS["roles"](COURSE)}
    expected["instructor"]["scopes"].remove(grader)
    assert hub["loadRoles"] == expected


def test_only_the_challenge_mounts_the_labels():
    kinds = {
        each["kind"]: each for each in yaml.safe_load_all((HUB / "challenge.yaml").read_text())
    }
    pod = kinds["Deployment"]["spec"]["template"]["spec"]
    claim = kinds["PersistentVolumeClaim"]["metadata"]["name"]
    volumes = [each.get("persistentVolumeClaim", {}).get("claimName") for each in pod["volumes"]]
    assert claim in volumes
    assert claim not in (HUB / "values.yaml").read_text()


@pytest.mark.parametrize(
    "name", ["Dockerfile", *sorted(path.name for path in HUB.glob("*.service"))]
)
def test_what_a_file_copies_or_starts_is_there(name):
    text = (HUB / name).read_text()
    for line in re.findall(r"^COPY (.+) \S+$", text, re.M):
        assert all((ROOT / path).exists() for path in line.split()), line
    for module in re.findall(r"python -m (\w+)", text):
        assert (ROOT / module / "__main__.py").is_file()
    for file in re.findall(r"/opt/jet-tagging-hub/(\S+)", text):
        assert (HUB / file).is_file()


def test_a_class_of_the_demo_has_two_teams_of_one_and_others_of_three():
    people = runpy.run_path(str(HUB / "demo" / "people.py"))
    assert people["teams_of"](2) == {"red": ("anna",), "blue": ("ben",)}
    for number in (3, 5, 6, 30, 120):
        teams = people["teams_of"](number)
        names = [name for members in teams.values() for name in members]
        assert len(names) == len(set(names)) == number
        assert [len(each) for each in teams.values()][2:-1] == [3] * (len(teams) - 3)
        assert people["everyone"](teams) == [*names, "prof", "course", "challenge"]


def test_one_student_is_no_class_and_stops_the_demo_with_a_sentence():
    done = subprocess.run(
        [sys.executable, str(HUB / "demo"), "--students", "1"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "argument --students: expected 2 to 500 students; got 1" in done.stderr


def test_a_demo_that_is_stopped_while_it_prepares_leaves_nothing_behind(tmp_path):
    pytest.importorskip("jupyterhub")
    if shutil.which("configurable-http-proxy") is None:
        pytest.skip("needs configurable-http-proxy")
    before = {each.pw_name for each in pwd.getpwall()}
    process = subprocess.Popen(
        [sys.executable, str(HUB / "demo"), "--port", "0"],
        env=os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path), "JET_DATA": ""},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert "Preparing" in process.stdout.readline()
    assert list(tmp_path.glob("jet-hub-*"))
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    assert "Everything is stopped and removed." in process.stdout.read()
    process.stdout.close()
    assert not list(tmp_path.iterdir())
    assert {each.pw_name for each in pwd.getpwall()} == before


def test_jets_that_other_accounts_cannot_read_stop_the_demo_with_a_sentence(tmp_path):
    if os.geteuid() != 0 or not others_can_run_it():
        pytest.skip("needs root, and a Python that other accounts can read")
    if shutil.which("configurable-http-proxy") is None:
        pytest.skip("needs configurable-http-proxy")
    jets = tmp_path / "jets"  # in a folder of root alone
    jets.mkdir()
    done = subprocess.run(
        [sys.executable, str(HUB / "demo"), "--port", "0"],
        env=os.environ | {"PYTHONPATH": str(ROOT), "JET_DATA": str(jets)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert f"cannot read the jets in {jets}: put them where everyone can" in done.stderr
