"""What to set in the homeserver that is there, in its own words where these are known. Pure."""

from __future__ import annotations

_NAMES = {
    "conduit": "Conduit",
    "conduwuit": "conduwuit",
    "continuwuity": "continuwuity",
    "dendrite": "Dendrite",
    "synapse": "Synapse",
    "tuwunel": "Tuwunel",
}
_OTHERS = "; other homeservers have a setting of their own, or none yet"
_ENDPOINT = {
    "synapse": (
        "in Synapse set `matrix_rtc.transports` and `experimental_features.msc4143_enabled: true`, never the flag "
        "alone: an enabled endpoint without transports stops every current client"
    ),
    "tuwunel": "update Tuwunel and set `livekit_url` under `[global.well_known]`",
    "continuwuity": "update continuwuity and list your focus in `foci` under `[global.matrix_rtc]`",
    "conduwuit": "move to a successor of conduwuit, continuwuity or Tuwunel: it has none itself",
    "dendrite": "nothing can be set: Dendrite has none",
}
_WELL_KNOWN = {
    "synapse": "Synapse: `extra_well_known_client_content`; it adds none by itself",
    "tuwunel": "Tuwunel: `livekit_url` under `[global.well_known]`, where it serves the document",
    "continuwuity": "continuwuity: `foci` under `[global.matrix_rtc]`, where it serves the document",
    "conduwuit": "conduwuit: `rtc_focus_server_urls` under `[global.well_known]`, where it serves the document",
}
_EMPTY = {
    "synapse": "Set `matrix_rtc.transports` in Synapse, or remove `experimental_features.msc4143_enabled`.",
    "tuwunel": "Set `livekit_url` under `[global.well_known]` in Tuwunel.",
    "continuwuity": "List your focus in `foci` under `[global.matrix_rtc]` in continuwuity.",
}


def to_have_endpoint(software: str) -> str:
    """
    How the transports endpoint is switched on, as a clause.

    Args:
        software: how the homeserver calls itself, in lower case; empty if it did not say.
    """
    if software in _ENDPOINT:
        return _ENDPOINT[software]
    return (
        f"see whether the documentation of {_NAMES[software]} has it (MSC4143)"
        if software in _NAMES
        else (_ENDPOINT["synapse"] + _OTHERS)
    )


def to_fill_endpoint(software: str) -> str:
    """What to do about an endpoint that lists nothing."""
    if software in _NAMES and software not in _EMPTY:
        return f"Add your focus to the transports of {_NAMES[software]}, or disable the endpoint."
    return _EMPTY.get(software, "Set `matrix_rtc.transports` in Synapse (elsewhere its like), or disable the endpoint.")


def to_publish(software: str) -> str:
    """Where a homeserver that serves the well-known itself has its list, for brackets."""
    if software in _NAMES and software not in _WELL_KNOWN:
        return f"{_NAMES[software]} adds none by itself: serve the document with the web server"
    return _WELL_KNOWN.get(software, _WELL_KNOWN["synapse"])


def to_delay_events(software: str) -> str:
    """How delayed events are switched on."""
    if software in _NAMES and software != "synapse":
        return f"See whether a newer {_NAMES[software]} has delayed events (MSC4140): without them nothing can be set."
    others = "" if software == "synapse" else _OTHERS
    return f"In Synapse set `max_event_delay_duration: 24h`{others}."
