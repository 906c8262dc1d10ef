"""JupyterHub for the course on one machine with Unix accounts; README.md beside it is the guide.

Start it as root, ``jupyterhub -f deploy/hub/jupyterhub_config.py``, best by `jupyterhub.service`.
A variable of the environment sets each value in capitals; the values here are the usual ones.
"""

import os
import runpy
import shutil
import sys
from pathlib import Path
from urllib.parse import urlsplit

c = get_config()  # noqa: F821 (JupyterHub provides it)
HERE = Path(__file__).resolve().parent
BIN = Path(sys.prefix) / "bin"
access = runpy.run_path(str(HERE / "access.py"))

COURSE = os.environ.get("COURSE_ID", "jet-tagging")
# Where the proxy listens. Behind a web server with a certificate: the loopback address.
ADDRESS = os.environ.get("HUB_ADDRESS", "http://127.0.0.1:8000")
# With students whom you do not trust: "https://hub.example.org", with a DNS record and a
# certificate for *.hub.example.org. Each server then has an origin of its own; otherwise a page
# in a student's server could act on the hub as an instructor who opens it.
SUBDOMAINS = os.environ.get("HUB_SUBDOMAINS", "")
STATE = Path(os.environ.get("HUB_STATE", "/srv/jupyterhub"))  # 0700, of root
EXCHANGE = os.environ.get("COURSE_EXCHANGE", "/srv/nbgrader/exchange")  # 1777
# Challenge and formgrader are units of their own. The hub can start the challenge instead, if it is
# told its folder; but a service of its own that is late ends the hub, in version 5 after 10 s.
CHALLENGE_FOLDER = os.environ.get("CHALLENGE_FOLDER", "")
CHALLENGE_ACCOUNT = os.environ.get("CHALLENGE_ACCOUNT", "jetchallenge")  # then it runs as this
CHALLENGE_URL = os.environ.get("CHALLENGE_SERVICE", "http://127.0.0.1:8100")
FORMGRADER_URL = os.environ.get("FORMGRADER_SERVICE", "http://127.0.0.1:8101")
STUDENT_SETTINGS = os.environ.get("STUDENT_SETTINGS", str(HERE / "etc" / "student"))
# MB that one process of a student may allocate; README.md has what the lessons need.
MEMORY = int(os.environ.get("STUDENT_MEMORY", 4096))

# ---------------------------------------------------------------- hub and proxy
port = urlsplit(ADDRESS).port or 8000
c.JupyterHub.bind_url = ADDRESS
c.JupyterHub.subdomain_host = SUBDOMAINS
c.JupyterHub.hub_port = int(os.environ.get("HUB_PORT", port + 81))
c.ConfigurableHTTPProxy.api_url = os.environ.get("HUB_PROXY", f"http://127.0.0.1:{port + 1}")
c.ConfigurableHTTPProxy.command = os.environ.get("HUB_PROXY_COMMAND", "configurable-http-proxy")
c.ConfigurableHTTPProxy.pid_file = str(STATE / "proxy.pid")
c.JupyterHub.cookie_secret_file = str(STATE / "cookie_secret")
c.JupyterHub.db_url = f"sqlite:///{STATE}/jupyterhub.sqlite"

# ---------------------------------------------------------------- people
c.JupyterHub.authenticator_class = "pam"
c.PAMAuthenticator.open_sessions = False
access["configure"](
    c, people=Path(os.environ.get("COURSE_PEOPLE", STATE / "people.toml")), course=COURSE
)

# ---------------------------------------------------------------- students' servers
shared = {"COURSE_EXCHANGE": EXCHANGE, "PATH": f"{BIN}:/usr/local/bin:/usr/bin:/bin"}
shared |= {name: os.environ[name] for name in ("PYTHONPATH", "JET_DATA") if name in os.environ}
c.JupyterHub.spawner_class = "jupyterhub.spawner.LocalProcessSpawner"
# JupyterHub's own spawner limits nothing. Beyond this a notebook gets a MemoryError, and neither
# the machine nor the other students suffer.
prlimit = shutil.which("prlimit")  # of Linux
limited = [prlimit, f"--data={MEMORY * 2**20}", "--"] if prlimit else []
c.Spawner.cmd = [*limited, str(BIN / "jupyterhub-singleuser")]
c.Spawner.mem_limit = f"{MEMORY}M"
c.Spawner.default_url = "/lab"
c.Spawner.start_timeout = c.Spawner.http_timeout = 300
c.Spawner.environment = shared | {
    "CHALLENGE_URL": f"{ADDRESS}/services/challenge",
    "JUPYTER_CONFIG_PATH": STUDENT_SETTINGS,  # no formgrader, no Create Assignment
    "TF_CPP_MIN_LOG_LEVEL": "3",
}


# ---------------------------------------------------------------- services
def token_of(unit: str) -> str:
    """Return the token that a unit shows to the hub, from the file that both read."""
    path = STATE / f"{unit}.env"
    name, _, token = path.read_text().strip().partition("=")
    if name != "JUPYTERHUB_API_TOKEN" or len(token) < 32:
        raise ValueError(f"Expected JUPYTERHUB_API_TOKEN=... in {path}: make it again.")
    return token


if CHALLENGE_FOLDER:
    serve = [str(BIN / "python"), "-m", "challenge", "serve", CHALLENGE_FOLDER]
    serve += ["--host", "127.0.0.1", "--port", str(urlsplit(CHALLENGE_URL).port)]
    start = {"command": serve, "user": CHALLENGE_ACCOUNT, "environment": shared, "cwd": "/"}
else:
    start = {"api_token": token_of("challenge")}
c.JupyterHub.services = [
    access["challenge_service"](CHALLENGE_URL, **start),
    access["formgrader_service"](COURSE, FORMGRADER_URL, api_token=token_of("formgrader")),
]
