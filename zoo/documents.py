"""The animals that speak proper HTTP: redirects, statuses, documents; each with what must be found."""

from __future__ import annotations

from zoo import bodies
from zoo.animal import Animal, Habitat
from zoo.answers import body, endless_redirect, entry, foci, gzipped_in_secret, member, redirect, ring, served, status
from zoo.wire import Species

_OK, _WARNING, _CRITICAL, _UNKNOWN = "ok", "warning", "critical", "unknown"


def _published(name: str, species: Species, verdict: str, *codes: str, says: str = "") -> Animal:
    return Animal(Habitat.WELL_KNOWN, name, species, verdict, codes, says)


def _service(name: str, species: Species, verdict: str, *codes: str, says: str = "") -> Animal:
    return Animal(Habitat.FOCUS, name, species, verdict, codes, says)


def _versions(name: str, species: Species, verdict: str, *codes: str, says: str = "") -> Animal:
    return Animal(Habitat.VERSIONS, name, species, verdict, codes, says)


def _transports(name: str, species: Species, verdict: str, *codes: str, says: str = "") -> Animal:
    return Animal(Habitat.TRANSPORTS, name, species, verdict, codes, says)


def _not_json(name: str, species: Species, says: str) -> Animal:
    return _published(name, species, _CRITICAL, "well-known-not-json", says=says)


def _not_object(name: str, text: bytes, says: str) -> Animal:
    return _published(name, body(text), _CRITICAL, "well-known-not-object", says=says)


def _refused(name: str, species: Species, says: str) -> Animal:
    return _published(name, species, _CRITICAL, "redirect-refused", says=says)


def _strange_status(code: int) -> Animal:
    says = f"answers HTTP {code} instead of 200"
    species = body(b"", code) if code in (204, 304) else status(code)
    return _published(f"status-{code}", species, _CRITICAL, "well-known-http-status", says=says)


def _turned_away(code: int) -> Animal:
    return _published(f"status-{code}", status(code), _UNKNOWN, "refused-here", says=f"HTTP {code}")


_DEPTH = "nested"
_PARTS = "more than 20000 commas"
_REDIRECTS = (
    _refused("redirect-to-itself", ring(1), "it is a redirect loop"),
    _refused("redirect-in-a-ring-of-three", ring(3), "it is a redirect loop"),
    _refused("redirect-ever-on", ring(1000), "more than 5 in a row"),
    _refused("redirect-ever-on-and-slowly", ring(1000, pause=0.5), "more than 5 in a row"),
    _refused("redirect-to-http", redirect("http://matrix.example.org/"), "`http://` instead of `https://`"),
    _refused("redirect-to-a-file", redirect("file:///etc/passwd"), "`file://` instead of `https://`"),
    _refused("redirect-to-javascript", redirect("javascript:alert(1)"), "`javascript://` instead of `https://`"),
    _refused("redirect-to-data", redirect("data:application/json,{}"), "`data://` instead of `https://`"),
    _refused("redirect-to-gopher", redirect("gopher://127.0.0.1:6379/_FLUSHALL"), "`gopher://` instead of `https://`"),
    _refused("redirect-to-loopback", redirect("https://127.0.0.1/"), "private address"),
    _refused("redirect-to-mapped-loopback", redirect("https://[::ffff:127.0.0.1]/"), "private address"),
    _refused(
        "redirect-to-loopback-in-full-width",
        redirect("https://１２７.０.０.１/".encode().decode("latin-1")),
        "has look-alike characters",
    ),
    _refused("redirect-to-metadata", redirect("//169.254.169.254/latest/meta-data"), "private address"),
    _refused("redirect-to-nowhere", redirect(None), "it has no Location header"),
    _refused("redirect-to-an-open-bracket", redirect("https://[::1"), "its Location is not a URL"),
    _refused("redirect-to-a-port-beyond", redirect("https://zoo.test:99999/"), "port 99999 does not exist"),
    _refused("redirect-to-a-long-name", redirect(f"https://{'a' * 9000}/"), "longer than 4096 characters"),
    _published("redirect-with-endless-body", endless_redirect, _CRITICAL, "well-known-too-large"),
)
_STATUSES = tuple(_strange_status(code) for code in (204, 206, 300, 304, 418, 500, 503, 599))
_LOGIN = _published("status-401", status(401), _CRITICAL, "login-page", says="HTTP 401, a login")
_REFUSALS = tuple(_turned_away(code) for code in (403, 429, 451))
_WITH_A_BODY_THAT_MAY_NOT_BE = _published(
    "status-204-with-a-body", status(204), _CRITICAL, "well-known-unreachable", says="not legal HTTP"
)
_TEXTS = (
    _not_json("empty", body(b""), "the body is empty"),
    _not_json("nothing-but-spaces", body(b" " * 200_000), "the body is empty"),
    _not_json("one-wrong-byte", member(b'"x": "\xe4"'), "not UTF-8 at line 1, column"),
    _not_json("overlong-utf-8", member(b'"x": "\xc0\xaf"'), "not UTF-8 at line 1, column"),
    _not_json("encoded-surrogate", member(b'"x": "\xed\xa0\x80"'), "not UTF-8 at line 1, column"),
    _not_json("utf-16", served(bodies.in_utf_16), "not UTF-8 at line 1, column 1"),
    _not_json("utf-16-without-mark", served(bodies.in_utf_16_without_mark), "line 1, column 2"),
    _not_json("byte-order-mark", served(lambda good: b"\xef\xbb\xbf" + good), "a byte order mark"),
    _not_json("gzip-in-secret", served(gzipped_in_secret), "not UTF-8 at line 1, column 2"),
    _not_json("nul-in-a-string", member(b'"x": "\0"'), "invalid control character"),
    _not_json("nul-after-the-end", served(lambda good: good + b"\0"), "extra data"),
    _not_json("two-documents", served(lambda good: good + good), "extra data"),
    _not_json("cut-short", served(lambda good: good[:-2]), "line 1, column"),
    _not_json("trailing-comma", served(lambda good: good[:-1] + b",}"), "a trailing comma"),
    _not_json("single-quotes", body(b"{'m.homeserver': {}}"), "line 1, column 2"),
    _not_json("comment", served(lambda good: b"// client\n" + good), "line 1, column 1"),
    _not_json("jsonp", served(lambda good: b"callback(" + good + b")"), "line 1, column 1"),
    _not_json("yaml", body(b"m.homeserver:\n  base_url: https://matrix.example.org\n"), "line 1, column 1"),
    _not_json("nan", member(b'"x": NaN'), "NaN is not JSON"),
    _not_json("minus-infinity", member(b'"x": -Infinity'), "-Infinity is not JSON"),
    _not_json("integer-of-5000-digits", member(b'"x": ' + b"7" * 5000), "too many digits"),
    _not_json("deep-lists", body(bodies.deep(b"[", b"]", 19_000)), _DEPTH),
    _not_json("deep-objects", body(b'{"a":' * 19_000 + b"1" + b"}" * 19_000), _DEPTH),
    _not_json("brackets-without-end", body(b"[" * 19_000), _DEPTH),
    _not_json("deeper-lists", body(bodies.deep(b"[", b"]", 100_000)), "nested more than 64 levels"),
    _not_json("a-hundred-levels", member(b'"x": ' + bodies.deep(b"[", b"]", 100)), "nested more than 64 levels"),
    _published("web-page", status(200), _CRITICAL, "well-known-html"),
    _published("xml", body(b'<?xml version="1.0"?><a/>'), _CRITICAL, "well-known-html"),
    _published("million-entries", foci(bodies.MILLION_ENTRIES), _CRITICAL, "well-known-too-large"),
    _published("text-of-a-megabyte", member(b'"x": ' + bodies.MEGABYTE_TEXT), _CRITICAL, "well-known-too-large"),
    _not_object("list", b"[]", "a list"),
    _not_object("string", b'"https://matrix.example.org"', "a string"),
    _not_object("number", b"1e400", "a number"),
    _not_object("null", b"null", "null"),
)
_CONTENTS = (
    _published(
        "duplicate-list", member(b'"org.matrix.msc4143.rtc_foci": []'), _CRITICAL, "duplicate-key", "foci-empty"
    ),
    _published("list-is-an-object", foci(b"{}"), _CRITICAL, "foci-not-a-list"),
    _published("list-is-a-text", foci(bodies.text(200_000)), _CRITICAL, "foci-not-a-list"),
    _published("list-is-null", foci(b"null"), _CRITICAL, "foci-not-a-list"),
    _published("list-in-a-list", foci(b"[[]]"), _WARNING, "first-entry-not-livekit", "entry-not-object"),
    _published(
        "hundred-thousand-numbers",
        foci(bodies.entries(b"0", 100_000)),
        _CRITICAL,
        "well-known-too-large",
        says=_PARTS,
    ),
    _published(
        "many-lists-in-lists",
        member(b'"x": ' + bodies.entries(bodies.deep(b"[", b"]", 60), 2_000)),
        _CRITICAL,
        "well-known-too-large",
        says=_PARTS,
    ),
    _published(
        "ten-thousand-numbers",
        foci(bodies.entries(b"0", 10_000)),
        _WARNING,
        "first-entry-not-livekit",
        "entry-not-object",
        "not-tested",
        says="The list has 500 entries or more",
    ),
    _published("entry-with-infinity", entry(b'"x": 1e999'), _OK, "unknown-entry-key"),
    _published("entry-with-a-lone-surrogate", entry(b'"x": "\\ud800"'), _OK, "unknown-entry-key"),
    _published("entry-with-nul", entry(b'"\\u0000": "\\u0000"'), _OK, "unknown-entry-key"),
    _published("entry-with-a-text-of-200000", entry(b'"x": ' + bodies.text(200_000)), _OK, "unknown-entry-key"),
    _published("entry-with-sixty-levels", entry(b'"x": ' + bodies.deep(b"[", b"]", 60)), _OK, "unknown-entry-key"),
    _published(
        "url-is-a-lone-surrogate",
        foci(b'[{"type": "livekit", "livekit_service_url": "https://\\ud800.test"}]'),
        _CRITICAL,
        "placeholder-host",
    ),
    _published(
        "five-hundred-long-names", foci(bodies.long_names("ü", 40, 50)), _UNKNOWN, "foreign-focus", "not-tested"
    ),
    _published(
        "five-hundred-names-too-long", foci(bodies.long_names("ü", 60, 60)), _CRITICAL, "placeholder-host", "not-tested"
    ),
    _published(
        "url-of-200000",
        foci(b'[{"type": "livekit", "livekit_service_url": ' + bodies.text(200_000) + b"}]"),
        _CRITICAL,
        "livekit-url-invalid",
    ),
    _published(
        "url-is-a-list", foci(b'[{"type": "livekit", "livekit_service_url": []}]'), _CRITICAL, "livekit-url-missing"
    ),
    _published("ten-thousand-members", member(b'"x": ' + bodies.members(10_000)), _OK),
    _published("deep-but-not-too-deep", member(b'"x": ' + bodies.deep(b"[", b"]", 60)), _OK),
)
_SERVICE, _UNTOLD = "not-an-authorisation-service", "unknown-service"
_AT_FOCUS = (
    _service("answers-200", body(b"{}", 200), _CRITICAL, _SERVICE),
    _service("hands-out-a-token", body(b'{"url": "wss://x.test", "jwt": "e30.e30."}', 200), _CRITICAL, _SERVICE),
    _service("empty-400", body(b""), _UNKNOWN, _UNTOLD),
    _service("web-page-400", status(400), _CRITICAL, _SERVICE, says="with a web page"),
    _service("errcode-is-a-number", body(b'{"errcode": 7}'), _OK),
    _service("errcode-is-another", body(b'{"errcode": "M_FORBIDDEN"}'), _OK),
    _service("errcode-in-utf-16", served(bodies.in_utf_16), _UNKNOWN, _UNTOLD),
    _service("errcode-with-a-lone-surrogate", body(b'{"errcode": "\\ud800"}'), _OK),
    _service("errcode-of-200000", body(b'{"errcode": ' + bodies.text(200_000) + b"}"), _UNKNOWN, _UNTOLD),
    _service("deep-400", body(bodies.deep(b"[", b"]", 100_000)), _UNKNOWN, _UNTOLD),
    _service("text-of-a-megabyte", body(bodies.MEGABYTE_TEXT), _CRITICAL, "http-protocol", says="1048578 bytes"),
    _service("status-404", status(404), _CRITICAL, "service-not-routed"),
    _service("status-405", status(405), _CRITICAL, _SERVICE),
    _service("status-429", status(429), _UNKNOWN, "refused-here"),
    _service("status-503", status(503), _CRITICAL, "http-5xx", says="HTTP 503"),
    _service("redirect-to-loopback", redirect("https://127.0.0.1/", 307), _CRITICAL, _SERVICE, says="redirected"),
)
_NO_LIST = "no list of versions"
_AT_VERSIONS = (
    _versions("web-page", status(200), _WARNING, "base-url-invalid", says=_NO_LIST),
    _versions("empty", body(b""), _WARNING, "base-url-invalid", says=_NO_LIST),
    _versions("list", body(b"[]"), _WARNING, "base-url-invalid", says=_NO_LIST),
    _versions("versions-is-a-text", body(b'{"versions": "v1.1"}'), _WARNING, "base-url-invalid", says=_NO_LIST),
    _versions("deep-lists", body(bodies.deep(b"[", b"]", 100_000)), _WARNING, "base-url-invalid", says=_NO_LIST),
    _versions("utf-16", served(bodies.in_utf_16), _WARNING, "base-url-invalid", says=_NO_LIST),
    _versions("status-404", status(404), _WARNING, "base-url-invalid", says="HTTP 404"),
    _versions("redirect-to-loopback", redirect("https://127.0.0.1/"), _WARNING, "base-url-invalid", says="HTTP 302"),
    _versions(
        "features-is-a-list", body(b'{"versions": [], "unstable_features": []}'), _WARNING, "delayed-events-missing"
    ),
)
_ENDPOINT = "transports endpoint unknown"
_BROKEN = "transports-broken"
_OPEN = "returns an empty list"
_AT_TRANSPORTS = (
    _transports("web-page", status(200), _WARNING, _BROKEN, says="HTTP 200 with a web page"),
    _transports("401-without-errcode", status(401), _WARNING, _BROKEN, says="HTTP 401"),
    _transports("403", status(403), _WARNING, "refused-here", says="HTTP 403"),
    _transports("404-of-a-web-server", status(404), _WARNING, _BROKEN, says="HTTP 404"),
    _transports("500", status(500), _OK, says=_ENDPOINT),
    _transports("list", body(b"[]", 200), _WARNING, _BROKEN, says="not a JSON object"),
    _transports("transports-is-an-object", body(b'{"rtc_transports": {}}', 200), _WARNING, _BROKEN, says="not a list"),
    _transports("deep-lists", body(bodies.deep(b"[", b"]", 100_000), 200), _WARNING, _BROKEN, says="not a JSON object"),
    _transports(
        "utf-16", body(bodies.in_utf_16(b'{"rtc_transports": []}'), 200), _WARNING, _BROKEN, says="not a JSON object"
    ),
    _transports(
        "million-entries", body(b'{"rtc_transports": ' + bodies.MILLION_ENTRIES + b"}", 200), _OK, says=_ENDPOINT
    ),
    _transports("empty-list", body(b'{"rtc_transports": []}', 200), _CRITICAL, "transports-empty", says=_OPEN),
    _transports("empty-object", body(b"{}", 200), _CRITICAL, "transports-empty", says=_OPEN),
)
DOCUMENTS = (
    *_REDIRECTS,
    *_STATUSES,
    _LOGIN,
    *_REFUSALS,
    _WITH_A_BODY_THAT_MAY_NOT_BE,
    *_TEXTS,
    *_CONTENTS,
    *_AT_FOCUS,
    *_AT_VERSIONS,
    *_AT_TRANSPORTS,
)
