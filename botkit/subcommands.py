"""Subcommands of plugins that run once: their account's token, their context, how they end."""

from __future__ import annotations

import asyncio
import json
import logging
from argparse import Namespace
from dataclasses import replace

from pydantic import SecretStr

from botkit.config import Config, ConfigError, MatrixConfig
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
        settings = replace(config.network.outbound(), names_private=True)
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


log = logging.getLogger(__name__)

LARGEST_SESSION = 65536


def one_shot_token(config: Config) -> SecretStr | None:
    """
    The account's access token if one is at hand: configured, or left by ``login``.

    Nothing is logged in for this. A secret that cannot be read counts as none, with one line in the log:
    most of what a subcommand does needs no account.
    """
    if config.matrix is None:
        return None
    if not config.matrix.has_token:
        return _session_token(config, config.matrix)
    try:
        return config.matrix.secret()[1]
    except ConfigError as error:
        log.warning("%s; continuing without an account", error)
        return None


def _session_token(config: Config, account: MatrixConfig) -> SecretStr | None:
    path = config.storage.session_file
    try:
        with path.open("rb") as file:
            session = json.loads(file.read(LARGEST_SESSION))
    except FileNotFoundError:
        return None
    except OSError as error:
        log.warning("cannot read %s: %s; continuing without an account", path, error.strerror)
        return None
    except ValueError:
        log.warning("%s does not contain a session; continuing without an account", path)
        return None
    token = session.get("access_token") if isinstance(session, dict) else None
    if not isinstance(token, str) or not token or session.get("user_id") != account.user_id:
        log.warning("%s does not contain a session of %s; continuing without an account", path, account.user_id)
        return None
    return SecretStr(token)
