"""Real proxies in front of a federation's hosts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lab.caddy import Caddy
from lab.federation import Federation
from lab.haproxy import HAProxy
from lab.nginx import Nginx


@pytest.fixture
async def nginx_proxy(nginx: None, tmp_path: Path, federation: Federation) -> AsyncIterator[Nginx]:
    proxy = Nginx(tmp_path / "proxy", federation)
    yield proxy
    await proxy.stop()


@pytest.fixture
async def caddy_proxy(caddy: None, tmp_path: Path, federation: Federation) -> AsyncIterator[Caddy]:
    proxy = Caddy(tmp_path / "proxy", federation)
    yield proxy
    await proxy.stop()


@pytest.fixture
async def haproxy_proxy(haproxy: None, tmp_path: Path, federation: Federation) -> AsyncIterator[HAProxy]:
    proxy = HAProxy(tmp_path / "proxy", federation)
    yield proxy
    await proxy.stop()
