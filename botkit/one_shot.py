"""Subcommands of plugins that run once: what they get, and how they end."""

from __future__ import annotations

import asyncio
from argparse import Namespace

from pydantic import SecretStr

from botkit.account import one_shot_token
from botkit.config import Config, ConfigError
from botkit.outbound import HomeserverReader, OutboundClient
from botkit.plugin import Account, OneShot, OneShotContext


def run_one_shot(one_shot: OneShot, namespace: Namespace, config: Config) -> int:
    """
    Judge the arguments, then do the work; the exit code.

    Raises:
        UsageError: the arguments make no sense; nothing was fetched.
        ConfigError: the network settings cannot be used.
    """
    wanted = config.matrix is not None and one_shot.needs_account(namespace, config.matrix.user_id)
    token = one_shot_token(config) if wanted else None
    one_shot.validate(namespace, token is not None)
    return asyncio.run(_run(one_shot, namespace, config, token))


async def _run(one_shot: OneShot, namespace: Namespace, config: Config, token: SecretStr | None) -> int:
    try:
        settings = config.network.outbound()
        client = OutboundClient(settings)
    except ValueError as error:
        raise ConfigError(f"network: {error}") from None
    limits = config.network.limits()
    async with client:
        if config.matrix is None or token is None:
            return await one_shot.run(namespace, OneShotContext(client, None, limits))
        async with HomeserverReader(config.matrix.homeserver_url, token, settings) as reader:
            account = Account(config.matrix.user_id, reader)
            return await one_shot.run(namespace, OneShotContext(client, account, limits))
