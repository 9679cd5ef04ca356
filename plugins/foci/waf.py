"""Telling a web application firewall's challenge page from an answer of the service."""

from __future__ import annotations

from botkit.outbound.model import Response


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
