"""The bot's own account for subcommands that run once, without a Matrix session."""

from __future__ import annotations

import json
import logging

from pydantic import SecretStr

from botkit.config import Config, ConfigError, MatrixConfig

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
        log.warning("%s; going on without an account", error)
        return None


def _session_token(config: Config, account: MatrixConfig) -> SecretStr | None:
    path = config.storage.session_file
    try:
        with path.open("rb") as file:
            session = json.loads(file.read(LARGEST_SESSION))
    except FileNotFoundError:
        return None
    except OSError as error:
        log.warning("cannot read %s: %s; going on without an account", path, error.strerror)
        return None
    except ValueError:
        log.warning("%s holds no session; going on without an account", path)
        return None
    token = session.get("access_token") if isinstance(session, dict) else None
    if not isinstance(token, str) or not token or session.get("user_id") != account.user_id:
        log.warning("%s holds no session of %s; going on without an account", path, account.user_id)
        return None
    return SecretStr(token)
