"""CORS as browsers judge it (Fetch standard), on header values alone."""

from __future__ import annotations

from botkit.outbound.model import Response

ORIGIN = "https://web-client.invalid"
"""The Origin sent with every request: one that nobody lists (RFC 6761), for a public answer must allow all."""

REQUEST_HEADERS = {"Origin": ORIGIN, "Accept": "application/json"}


def origins_allowed(response: Response) -> list[str]:
    """Every value of Access-Control-Allow-Origin, split where a proxy joined two; browsers count empty ones."""
    values = response.headers.get("access-control-allow-origin", ())
    return [part.strip() for value in values for part in value.split(",")]


def allows_any_origin(response: Response) -> bool:
    """Whether a web client of any origin may read the answer."""
    allowed = origins_allowed(response)
    return len(allowed) == 1 and allowed[0] in ("*", ORIGIN)


def is_doubled(response: Response) -> bool:
    """Two values, which browsers refuse although each alone would do."""
    return len(origins_allowed(response)) > 1


def preflight_allows_post(response: Response) -> bool:
    """Whether the answer to an OPTIONS request lets a browser POST JSON."""
    if not 200 <= response.status < 300 or not allows_any_origin(response):
        return False
    values = ",".join(response.headers.get("access-control-allow-headers", ()))
    allowed = {part.strip().lower() for part in values.split(",")}
    return "content-type" in allowed or "*" in allowed


def is_challenge(response: Response) -> bool:
    """
    Whether a bot challenge was answered. It may meet this prober only, so it proves nothing about clients.

    Source: Cloudflare marks its challenges with ``cf-mitigated: challenge``; AWS WAF answers with
    ``x-amzn-waf-action``.
    """
    if response.header("cf-mitigated") == "challenge":
        return True
    return response.header("x-amzn-waf-action") in ("challenge", "captcha")


def meets_prober_only(response: Response) -> bool:
    """A challenge or a rate limit may meet this prober alone; it says nothing about what clients get."""
    return response.status == 429 or is_challenge(response)
