"""Keys: how they are stored, ordered and spoken of."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.foci.health.keys import SELF, Key, KeyKind, certificate_key, focus_key
from plugins.foci.model import Entry

LABELS = {
    "focus:https://rtc.example.org:443/livekit/jwt": "rtc.example.org",
    "focus:https://rtc.example.org:8443/jwt": "rtc.example.org:8443",
    "focus:wss://sfu.example.org:443": "sfu.example.org",
    "focus:https://[::1]:443/x": "[::1]",
    "focus:http://rtc.example.org/jwt#scheme-http": "rtc.example.org",
    "focus:rtc#livekit-url-invalid": "rtc",
    "focus:https://[/#livekit-url-invalid": "https://[/",
    "focus:#livekit-url-invalid": "an empty URL",
    "discovery:example.org:8448": "example.org:8448",
    "drift:example.org": "example.org",
    "cert:rtc.example.org:443": "rtc.example.org",
    "cert:[::1]:8443": "[::1]:8443",
}


@pytest.mark.parametrize(("stored", "label"), LABELS.items())
def test_keys_are_spoken_of_by_what_people_call_them(stored: str, label: str) -> None:
    """Hosts without the usual port, servers by their names, broken URLs as they are."""
    assert Key.parse(stored).label == label


def test_long_labels_are_cut() -> None:
    """A stranger's URL does not fill the message."""
    assert len(Key(KeyKind.FOCUS, "x" * 5000 + "#livekit-url-invalid").label) == 120


@given(st.lists(st.builds(Key, st.sampled_from([*KeyKind][:-1]), st.text(min_size=1)) | st.just(SELF)))
def test_the_stored_form_is_the_same_key_in_the_same_order(keys: list[Key]) -> None:
    """What is sorted in memory is sorted in the database."""
    assert [Key.parse(str(key)) for key in keys] == keys
    assert [str(key) for key in sorted(keys)] == sorted(map(str, keys))


@pytest.mark.parametrize("text", ["", "example.org", "list:example.org", "FOCUS:https://a.org:443", "unclear self"])
def test_other_words_are_no_keys(text: str) -> None:
    """Whatever stands before the colon must be a kind."""
    with pytest.raises(ValueError, match="not a valid KeyKind"):
        Key.parse(text)


def test_a_long_url_is_stored_as_its_beginning_and_a_digest() -> None:
    """As it always was: the rows of earlier versions are found again."""
    url = f"https://a.org/{'x' * 400}"
    digest = "f421bc552f9965e4"
    key = focus_key(Entry("well-known", 1, {"type": "livekit", "livekit_service_url": url}))
    assert str(key) == f"focus:https://a.org:443/{'x' * 382}~{digest}"


def test_only_a_wrong_url_makes_a_key_faulty() -> None:
    """A server's name never does."""
    assert [Key.parse(one).is_faulty for one in LABELS] == ["#" in one for one in LABELS]


@pytest.mark.parametrize(
    ("url", "stored"),
    [("https://a.org/x", "cert:a.org:443"), ("https://[::1]:8443/x", "cert:[::1]:8443")],
)
def test_a_certificate_is_of_a_host_and_port(url: str, stored: str) -> None:
    """With brackets around an address of IPv6."""
    assert str(certificate_key(url)) == stored
