"""The demo's hub: `jupyterhub_config.py` with Unix accounts, or with passwords of its own."""

import json
import os
import secrets
from pathlib import Path

from jupyterhub.auth import Authenticator
from traitlets import Dict

c = get_config()  # noqa: F821 (JupyterHub provides it)
load_subconfig(str(Path(__file__).resolve().parents[1] / "jupyterhub_config.py"))  # noqa: F821
folder = Path(os.environ["JET_HUB_DEMO"])
# What marks each process, so that the demo can end it; the limits of a small run of the lessons.
for name in os.environ:
    if name == "JET_HUB_DEMO" or name.startswith("COURSE_MAX_"):
        c.Spawner.environment[name] = os.environ[name]


class PrintedPasswords(Authenticator):
    """Let in who knows the password that the demo has printed."""

    passwords = Dict(config=True)

    async def authenticate(self, handler, data):
        """Return the name, or None if the password is another one."""
        expected = self.passwords.get(data["username"], "")
        given = data["password"]
        known = bool(expected) and secrets.compare_digest(expected.encode(), given.encode())
        return data["username"] if known else None


passwords = folder / "hub" / "passwords.json"  # only without real accounts
if passwords.exists():
    c.JupyterHub.authenticator_class = PrintedPasswords
    c.PrintedPasswords.passwords = json.loads(passwords.read_text())
    c.JupyterHub.spawner_class = "jupyterhub.spawner.SimpleLocalProcessSpawner"
    c.SimpleLocalProcessSpawner.home_dir_template = str(folder / "home" / "{username}")
