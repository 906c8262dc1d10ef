"""The commands for the challenge as a service: what each prints.

Every function takes the parsed arguments and returns the exit status.
"""

import argparse
import os

from challenge.cli.output import ACCEPTED, say, say_on_stderr
from challenge.errors import ChallengeError
from challenge.intake import Invitation, invitations, invite, revoke_invitation
from challenge.store import Challenge
from challenge.words import time_text

__all__ = ["send_invitation", "serve"]


def serve(args: argparse.Namespace) -> int:
    """Run the service until it is told to stop."""
    try:
        from challenge import hub  # only this command needs a web server
    except ModuleNotFoundError as error:
        raise ChallengeError(
            f"The service needs {error.name}: install the extra hub, with "
            "pip install 'jet-tagging-course[hub]'"
        ) from error
    site = hub.Site.from_environment(os.environ, teams_only=args.teams_only)
    host, port = hub.address_of(os.environ, args.host, args.port)
    hub.serve(Challenge.open(args.dir), site, host=host, port=port)
    return ACCEPTED


def send_invitation(args: argparse.Namespace) -> int:
    """Make, list or revoke invitations."""
    challenge = Challenge.open(args.dir)
    if sum((args.team is not None, args.manage, args.list, args.revoke is not None)) != 1:
        raise ChallengeError("Expected one of TEAM, --manage, --list and --revoke NUMBER.")
    if args.list:
        for each in invitations(challenge):
            say(_listed(each))
    elif args.revoke is not None:
        done = revoke_invitation(challenge, args.revoke)
        say(f"invitation {args.revoke}: {'revoked' if done else 'was revoked before'}.")
    else:
        made, token = invite(challenge, args.team)
        say(f"{args.url.rstrip('/')}/join#{token}")
        say_on_stderr(
            f"invitation {made.number} for {_whom(made)}. The link is shown only now; revoke it "
            f"with: python -m challenge invite {args.dir} --revoke {made.number}"
        )
    return ACCEPTED


def _whom(invitation: Invitation) -> str:
    return "an instructor" if invitation.team is None else f"team {invitation.team}"


def _listed(invitation: Invitation) -> str:
    end = "" if invitation.revoked is None else f", revoked {time_text(invitation.revoked)}"
    return f"{invitation.number}  {_whom(invitation)}, made {time_text(invitation.made)}{end}"
