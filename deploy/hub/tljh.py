"""The course on The Littlest JupyterHub: /opt/tljh/config/jupyterhub_config.d/course.py

Put `access.py` into /opt/tljh/hub/course/, and `people.toml`, `challenge.env` and `formgrader.env`
(0600) into /opt/tljh/state/. TLJH logs people in, limits their memory and starts their servers;
accounts of the machine are called jupyter-NAME, and so are students in nbgrader's gradebook.
"""

import runpy
from pathlib import Path

c = get_config()  # noqa: F821 (JupyterHub provides it)
access = runpy.run_path("/opt/tljh/hub/course/access.py")
STATE = Path("/opt/tljh/state")
COURSE = "jet-tagging"

access["configure"](c, people=STATE / "people.toml", course=COURSE)
c.Spawner.default_url = "/lab"
c.Spawner.environment = {
    "COURSE_EXCHANGE": "/srv/nbgrader/exchange",
    "CHALLENGE_URL": "http://127.0.0.1/services/challenge",  # https://HOST/... with a certificate
    "JUPYTER_CONFIG_PATH": "/opt/tljh/hub/course/etc/student",
}


def token_of(unit: str) -> str:
    """Return the token that a unit shows to the hub, from the file that both read."""
    return (STATE / f"{unit}.env").read_text().strip().removeprefix("JUPYTERHUB_API_TOKEN=")


c.JupyterHub.services = [
    *c.JupyterHub.get("services", []),  # TLJH's own
    # The two units run them, from /opt/tljh/user/bin, with
    # JUPYTERHUB_API_URL=http://127.0.0.1:15001/hub/api.
    access["challenge_service"]("http://127.0.0.1:8100", api_token=token_of("challenge")),
    access["formgrader_service"](COURSE, "http://127.0.0.1:8101", api_token=token_of("formgrader")),
]
