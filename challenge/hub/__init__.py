"""The challenge as a service: pages for a class, an API for its notebooks.

`create_app` makes the web application, `serve` runs it. It adds no rule: every request calls the
functions that the commands call. `people` says who asks, `pages` what browsers see, `api` what
notebooks ask for; `metering` stands around all of them.

May import every other room but `challenge.cli`; nothing but the command ``serve`` imports it. It
needs the extra ``hub``.
"""

from challenge.hub.app import create_app
from challenge.hub.people.rights import (
    FORM_FIELD,
    FORM_HEADER,
    Manager,
    Person,
    Reader,
    Submitter,
    Viewer,
    check_form_token,
    form_token,
)
from challenge.hub.serving import serve
from challenge.hub.site import Hub, Site, address_of

__all__ = [
    "FORM_FIELD",
    "FORM_HEADER",
    "Hub",
    "Manager",
    "Person",
    "Reader",
    "Site",
    "Submitter",
    "Viewer",
    "address_of",
    "check_form_token",
    "create_app",
    "form_token",
    "serve",
]
