"""Who may do what on the hub: groups, scopes and roles, the same on one machine and on TLJH.

A configuration file loads it with ``access = runpy.run_path(...)`` and calls
``access["configure"](c, people=..., course=...)``.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

READ, SUBMIT, MANAGE = (f"custom:challenge:{right}" for right in ("read", "submit", "manage"))
SCOPES = {
    READ: {"description": "See the board of the challenge"},
    SUBMIT: {"description": "Hand in for one's own team", "subscopes": [READ]},
    MANAGE: {"description": "See everything, pause, close, reveal", "subscopes": [READ]},
}
# What a token tells the service about its owner: without these it knows neither name nor team.
IDENTITY = ["read:users:name!user", "read:users:groups!user"]
# What a browser may do at the service. The hub grants of each list only what the person has.
BROWSER_SCOPES = ["access:services!service=challenge", *IDENTITY, READ, SUBMIT, MANAGE]
# The token in a student's server, JUPYTERHUB_API_TOKEN, is what any code in a notebook can use: the
# two scopes that a server needs, and those with which `submit(path)` hands in. Not MANAGE: no
# notebook that an instructor opens can reveal the ranking.
SERVER_SCOPES = ["users:activity!user", "access:servers!server", *IDENTITY, READ, SUBMIT]


def roles(course: str) -> list[dict[str, Any]]:
    """Return the roles: everyone sees the board, students hand in, instructors manage."""
    return [
        {"name": "user", "scopes": ["self", "access:services!service=challenge", READ]},
        {"name": "student", "groups": [f"nbgrader-{course}"], "scopes": [SUBMIT]},
        {
            "name": "instructor",
            "groups": [f"formgrade-{course}"],
            "scopes": [MANAGE, f"access:services!service={course}"],
        },
    ]


def configure(c: Any, *, people: Path, course: str) -> None:
    """Let the people of a file like `people.toml` in, each with the rights of the role."""
    listed = tomllib.loads(people.read_text(encoding="utf-8"))
    instructors, teams = listed.get("instructors", []), listed.get("teams", {})
    members = {name for team in teams.values() for name in team}
    students = members | set(listed.get("students", []))
    # JupyterHub 5 and later let nobody in who is not named.
    c.Authenticator.allowed_users = students | set(instructors)
    c.Authenticator.admin_users = set(listed.get("admins", []))
    # A team is a group. The other two have the names that nbgrader's JupyterHubAuthPlugin expects.
    c.JupyterHub.load_groups = {
        f"nbgrader-{course}": {"users": sorted(students)},
        f"formgrade-{course}": {"users": sorted(instructors)},
        **{f"team-{name}": {"users": sorted(names)} for name, names in teams.items()},
    }
    c.JupyterHub.custom_scopes = SCOPES
    c.JupyterHub.load_roles = roles(course)
    c.Spawner.server_token_scopes = SERVER_SCOPES


def challenge_service(url: str, **more: Any) -> dict[str, Any]:
    """Describe the challenge as a service of the hub; it answers at `url`."""
    own = {"name": "challenge", "url": url, "oauth_no_confirm": True}
    return own | {"oauth_client_allowed_scopes": BROWSER_SCOPES} | more


def formgrader_service(course: str, url: str, **more: Any) -> dict[str, Any]:
    """Describe one formgrader for all instructors: a JupyterLab in the course's folder."""
    own = {"name": course, "url": url, "oauth_no_confirm": True}
    return own | {"oauth_client_allowed_scopes": [f"access:services!service={course}"]} | more
