"""Logins that stand where Matrix clients expect an API: single sign-on before a proxy, a site's own, HTTP's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import SplitResult, parse_qsl

from botkit.messages.sanitise import quoted
from botkit.outbound.model import Response

_HOSTS = re.compile(r"(accounts?|auth|authelia|authentik|idp|keycloak|login|oauth2?|signin|sso)\.", re.IGNORECASE)
_PATH = re.compile(
    r"/(log-?in|logon|sign[-_]?in|sso|auth|oauth2?|oidc|saml2?|authorize|authelia|realms|outpost\.goauthentik\.io)(/|\Z)"
    r"|/cdn-cgi/access/",
    re.IGNORECASE,
)
_QUERY = frozenset({"client_id", "rd", "redirect_uri", "samlrequest"})
_PAGE = re.compile(
    rb"""type=["']?password|/oauth2/(start|sign_in)|<title>[^<]{0,80}((log|sign)[ -]?in\b|authelia|authentik)""",
    re.IGNORECASE,
)
_PAGE_START = 4096
A_PAGE_WITH_LOGIN = "a page with a login"
"""With 200 it may as well be a site's answer to every path."""
_LONGEST_QUERY = 4096


def leads_to_login(target: SplitResult, host: str) -> bool:
    """
    Whether a redirect goes to a login, by its place and what it carries.

    Args:
        target: of the redirect, absolute.
        host: that sent it; a login is told where to send the user back.
    """
    query = {name.lower(): value for name, value in parse_qsl(target.query[:_LONGEST_QUERY])}
    if _HOSTS.match(target.hostname or "") or _PATH.search(target.path):
        return True
    elsewhere = target.hostname != host and any(host in value for value in query.values())
    return elsewhere or not _QUERY.isdisjoint(query)


def past_login(paths: Sequence[str], folder: str) -> str:
    """
    Lines that lead paths past a login.

    Args:
        folder: what all of them begin with, as a configuration has it; empty where that is a slash alone.
    """
    listed = " ".join(paths)
    handle = f"`handle {folder}*`" if folder else f"`@open path {listed}` and `handle @open`"
    unless = f"path_beg {folder}" if folder else f"path {listed}"
    told = " and ".join(f"`{path}`" for path in paths)
    return (
        f"Lead {told}, OPTIONS included, past the login: nginx `auth_request off;` (or `auth_basic off;`) in their "
        f"`location`; Caddy {handle} without `forward_auth`; HAProxy `|| {{ {unless} }}` at the end of `http-request "
        "auth unless …`; Authelia `policy: bypass`, oauth2-proxy `skip_auth_routes`, for these paths. Matrix clients "
        "cannot log in there."
    )


def login_of(response: Response) -> str:
    """What login an answer is, for people; empty if it is none."""
    challenge = response.header("www-authenticate")
    is_page = response.body.lstrip()[:1] == b"<"
    if response.status == 401 and challenge is not None:
        return f"a login ({quoted(challenge.split(' ')[0], 20)})"
    if response.status == 401 and is_page:
        return "a login"
    if response.status in (200, 403) and is_page and _PAGE.search(response.body[:_PAGE_START]):
        return A_PAGE_WITH_LOGIN if response.status == 200 else "a login page"
    return ""
