# SPDX-License-Identifier: Apache-2.0
"""pistegate-cloud members, notifications: fresh sections for cloud.toml."""

import argparse
import secrets
from typing import Any

_MEMBERS = """example:
  pistegate-cloud members new >> cloud.toml
"""
_NOTIFICATIONS = """example:
  pistegate-cloud notifications new --page https://tickets.example/t/ >> cloud.toml
"""


def add_parser(commands: Any, shape: dict[str, Any]) -> None:
    """Add `members new` and `notifications new`."""
    members = commands.add_parser("members", help="Members: keys for cloud.toml.", **shape)
    verbs = members.add_subparsers(required=True, metavar="COMMAND")
    words = "Print a fresh [members] section for cloud.toml. Keep it: without its keys nobody can be found or read."
    new = verbs.add_parser("new", help=words, description=words, **shape | {"epilog": _MEMBERS})
    new.set_defaults(run=_members)
    messages = commands.add_parser("notifications", help="Messages to guests: a section for cloud.toml.", **shape)
    verbs = messages.add_subparsers(required=True, metavar="COMMAND")
    words = "Print a fresh [notifications] section for cloud.toml; add [notifications.sms] or [notifications.wechat]."
    new = verbs.add_parser("new", help=words, description=words, **shape | {"epilog": _NOTIFICATIONS})
    new.add_argument("--page", required=True, metavar="URL", help="what stands before a link's token; ends with /")
    new.set_defaults(run=_notifications)


def _members(_: argparse.Namespace) -> int:
    print(f'[members]\nlookup = "{secrets.token_hex(32)}"\nseal = "{secrets.token_hex(32)}"\nphoto_from_days = 8')
    return 0


def _notifications(arguments: argparse.Namespace) -> int:
    print(f'[notifications]\nseal = "{secrets.token_hex(32)}"\nticket_page = "{arguments.page}"')
    return 0
