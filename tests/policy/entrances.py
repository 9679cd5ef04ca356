"""Where strangers can write a URL that the bot reads."""

from __future__ import annotations

from urllib.parse import urlsplit

from lab.exchange import Answer, html_answer, json_answer
from lab.wellknown import PATH
from tests.policy.plot import Plot
from tests.policy.way import Entrance

_ANY_ORIGIN = ("Access-Control-Allow-Origin", "*")


def _livekit(url: str) -> dict[str, str]:
    return {"type": "livekit", "livekit_service_url": url}


def service_url(plot: Plot, lead: str) -> None:
    """The foci list of the well-known."""
    plot.publish([_livekit(lead)])


def second_entry(plot: Plot, lead: str) -> None:
    """Behind an innocent entry."""
    plot.answer(f"rtc-{plot.host}", Answer(200))
    plot.publish([_livekit(plot.public("rtc")), _livekit(lead)])


def sfu_url(plot: Plot, lead: str) -> None:
    """An entry that names the SFU."""
    plot.publish([{"type": "livekit", "url": lead}])


def under_key(key: str) -> Entrance:
    """Another spelling of the list's key."""

    def lay(plot: Plot, lead: str) -> None:
        plot.publish(**{key: [_livekit(lead)]})

    return lay


def newer_type(plot: Plot, lead: str) -> None:
    """A type of a later proposal."""
    plot.publish([{"type": "msc4195.livekit", "livekit_service_url": lead}])


def base_url(plot: Plot, lead: str) -> None:
    """The homeserver's base URL; its own well-known is read as well, since there is no list."""
    plot.publish(base_url=lead)


def transports(plot: Plot, lead: str) -> None:
    """The list of the homeserver's transports endpoint."""
    plot.publish(base_url=plot.homeserver([_livekit(lead)]))


def transports_sfu(plot: Plot, lead: str) -> None:
    """The same, an SFU."""
    plot.publish([], plot.homeserver([{"type": "livekit", "url": lead}]))


def redirect(status: int) -> Entrance:
    """A redirect of the well-known."""

    def lay(plot: Plot, lead: str) -> None:
        plot.redirect(lead, status)

    return lay


def later_redirect(plot: Plot, lead: str) -> None:
    """A redirect after a harmless one."""
    plot.redirect(plot.public("hop") + PATH, 301)
    plot.redirect(lead, 307, f"hop-{plot.host}")


def repeated_redirect(plot: Plot, lead: str) -> None:
    """A redirect to a host that redirects to itself: its name is looked up twice."""
    plot.redirect(f"{lead}{PATH}")
    plot.redirect(f"{lead}/again", host=urlsplit(lead).hostname)


def post_redirect(status: int) -> Entrance:
    """The authorisation service redirects whatever it is asked."""

    def lay(plot: Plot, lead: str) -> None:
        plot.answer(f"rtc-{plot.host}", Answer(status, b"", (("Location", lead), _ANY_ORIGIN)))
        plot.publish([_livekit(plot.public("rtc"))])

    return lay


def homeserver_redirect(status: int) -> Entrance:
    """The homeserver redirects whatever it is asked."""

    def lay(plot: Plot, lead: str) -> None:
        plot.answer(f"hs-{plot.host}", Answer(status, b"", (("Location", lead), _ANY_ORIGIN)))
        plot.publish([], plot.public("hs"))

    return lay


def header(name: str, value: str = "LEAD", status: int = 200) -> Entrance:
    """A header of the well-known's answer."""

    def lay(plot: Plot, lead: str) -> None:
        extra = (name, plot.fill(value.replace("LEAD", lead)))
        plot.answer(plot.host, json_answer(status, {}, _ANY_ORIGIN, extra))

    return lay


def page(html: str) -> Entrance:
    """A web page where the well-known should be."""

    def lay(plot: Plot, lead: str) -> None:
        plot.answer(plot.host, html_answer(200, html.replace("LEAD", lead), _ANY_ORIGIN))

    return lay


def other_key(plot: Plot, lead: str) -> None:
    """URLs in the well-known that have nothing to do with calls."""
    plot.publish(
        [],
        **{
            "m.identity_server": {"base_url": lead},
            "org.matrix.msc3575.proxy": {"url": lead},
            "org.matrix.msc2965.authentication": {"issuer": lead, "account": lead},
            "m.tile_server": {"map_style_url": lead},
        },
    )


def delegation(plot: Plot, lead: str) -> None:
    """The server well-known, which names where users are looked up."""
    nothing(plot, "")
    plot.answer(plot.host, json_answer(200, {"m.server": lead.removeprefix("https://")}, _ANY_ORIGIN))


def delegation_redirect(plot: Plot, lead: str) -> None:
    """A redirect of the server well-known."""
    nothing(plot, "")
    plot.answer(plot.host, Answer(302, b"", (("Location", lead),)))


def unknown_type(plot: Plot, lead: str) -> None:
    """An entry of a type that nobody knows."""
    plot.publish([{"type": "full_mesh", "livekit_service_url": lead, "url": lead, "uri": lead}])


def answer_of_service(plot: Plot, lead: str) -> None:
    """An authorisation service that hands out an SFU without being asked for a token."""
    handed = {"url": lead, "jwt": "e30.e30.e30"}
    plot.answer(f"rtc-{plot.host}", json_answer(200, handed, _ANY_ORIGIN))
    plot.publish([_livekit(plot.public("rtc"))])


def error_of_homeserver(plot: Plot, lead: str) -> None:
    """An error that names a page to go to, as for consent."""
    error = {"errcode": "M_CONSENT_NOT_GIVEN", "error": lead, "consent_uri": lead}
    plot.answer(f"hs-{plot.host}", json_answer(403, error, _ANY_ORIGIN))
    plot.publish([], plot.public("hs"))


def bare(plot: Plot, lead: str) -> None:
    """A server without a list; the way is in its certificate."""
    plot.publish()


def nothing(plot: Plot, lead: str) -> None:
    """A healthy server; the way is in the target, in DNS or in the environment."""
    plot.publish([_livekit(plot.public("rtc"))])
    plot.answer(f"rtc-{plot.host}", json_answer(400, {"errcode": "M_BAD_JSON"}, _ANY_ORIGIN))
