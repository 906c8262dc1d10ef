"""Start the three programs of the demo: what systemd's units start on a course's hub."""

from __future__ import annotations

import json
import subprocess
from contextlib import ExitStack
from pathlib import Path

from place import PYTHON, Place
from processes import free_ports, running, wait_for

COURSE = "jet-tagging"


def start(stack: ExitStack, place: Place, port: int, proxy: str) -> subprocess.Popen[bytes]:
    """Start challenge, formgrader and hub, and wait until all of them answer."""
    hub_port, proxy_port, challenge_port, formgrader_port = free_ports(4)
    api = f"http://127.0.0.1:{hub_port}/hub/api"
    serve = ["-m", "challenge", "serve", str(place.challenge)]
    serve += ["--host", "127.0.0.1", "--port", str(challenge_port)]
    challenge = _unit(stack, place, "challenge", serve, as_service("challenge", api))
    variables = place.variables() | {
        "HUB_ADDRESS": f"http://127.0.0.1:{port}",
        "HUB_STATE": str(place.hub),
        "HUB_PORT": str(hub_port),
        "HUB_PROXY": f"http://127.0.0.1:{proxy_port}",
        "HUB_PROXY_COMMAND": proxy,
        "CHALLENGE_SERVICE": f"http://127.0.0.1:{challenge_port}",
        "FORMGRADER_SERVICE": f"http://127.0.0.1:{formgrader_port}",
        "STUDENT_SETTINGS": str(place.settings),
    }
    config = Path(__file__).with_name("demo_config.py")
    command = [PYTHON, "-m", "jupyterhub", "-f", str(config)]
    hub = stack.enter_context(running(command, place.log("hub"), variables, cwd=place.hub))
    wait_for(f"{api}/", hub, place.log("hub"), seconds=180)
    own = as_service(COURSE, api) | {
        "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{formgrader_port}",
        "JUPYTERHUB_DEFAULT_URL": "/formgrader",
    }
    lab = _unit(stack, place, "formgrader", ["-m", "jupyterhub.singleuser"], own)
    services = f"http://127.0.0.1:{port}/services"
    wait_for(f"{services}/challenge/health", challenge, place.log("challenge"), seconds=60)
    wait_for(f"{services}/{COURSE}/api", lab, place.log("formgrader"), seconds=180)
    return hub


def _unit(
    stack: ExitStack, place: Place, name: str, arguments: list[str], own: dict[str, str]
) -> subprocess.Popen[bytes]:
    """Start a service on its account, in its folder, with its token."""
    who = {"challenge": "challenge", "formgrader": "course"}[name]
    account = place.accounts[who]
    text = (place.hub / f"{name}.env").read_text().strip()
    own |= {"JUPYTERHUB_API_TOKEN": text.partition("=")[2]}
    folder = {"challenge": Path("/"), "formgrader": place.course}[name]
    process = running(
        [PYTHON, *arguments],
        place.log(name),
        place.variables(account) | own,
        cwd=folder,
        **account.options(),
    )
    return stack.enter_context(process)


def as_service(name: str, api: str) -> dict[str, str]:
    """Return what a service of a hub must know, as the files `*.service` say it."""
    prefix = f"/services/{name}/"
    return {
        "JUPYTERHUB_API_URL": api,
        "JUPYTERHUB_BASE_URL": "/",
        "JUPYTERHUB_SERVICE_NAME": name,
        "JUPYTERHUB_SERVICE_PREFIX": prefix,
        "JUPYTERHUB_CLIENT_ID": f"service-{name}",
        "JUPYTERHUB_OAUTH_CALLBACK_URL": f"{prefix}oauth_callback",
        "JUPYTERHUB_OAUTH_ACCESS_SCOPES": json.dumps([f"access:services!service={name}"]),
    }
