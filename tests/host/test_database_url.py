"""Database URLs: read as libpq reads them, refused where they are ambiguous, never shown with what is secret."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from botkit.database_url import PostgresUrl, SqliteUrl, parse_database_url

SECRET = "hunter2"
ODD = st.text(st.sampled_from("@/?#%:&=,[]+ 1a\u00e9\0\n"), max_size=6)


def postgres(url: str) -> PostgresUrl:
    """Of a URL that is one of PostgreSQL."""
    found = parse_database_url(url)
    assert isinstance(found, PostgresUrl)
    return found


@pytest.mark.parametrize(
    ("url", "hosts", "user", "password", "database", "parameters"),
    [
        ("postgresql://bot@db/foci", [("db", None)], "bot", None, "foci", {}),
        ("postgres://bot:x@db:1/foci", [("db", 1)], "bot", "x", "foci", {}),
        ("postgresql:///foci", [("", None)], None, None, "foci", {}),
        ("postgresql://bot:p%40s%2Fs%3F%23%25@db/f%C3%B6ci", [("db", None)], "bot", "p@s/s?#%", "föci", {}),
        ("postgresql://bot:p@ss:w@db/foci", [("db", None)], "bot", "p@ss:w", "foci", {}),
        ("postgresql://[2001:db8::7]:5433/foci", [("2001:db8::7", 5433)], None, None, "foci", {}),
        ("postgresql://a:1,b,[::1]:3/foci", [("a", 1), ("b", None), ("::1", 3)], None, None, "foci", {}),
        ("postgresql:///foci?host=/run/pg", [("/run/pg", None)], None, None, "foci", {}),
        ("postgresql://%2Frun%2Fpg:5433/foci", [("/run/pg", 5433)], None, None, "foci", {}),
        ("postgresql://x/foci?host=a,b&port=1,2", [("a", 1), ("b", 2)], None, None, "foci", {}),
        ("postgresql://x/foci?host=a,b&port=7", [("a", 7), ("b", 7)], None, None, "foci", {}),
        ("postgresql://?dbname=foci&user=u&password=p%26", [("", None)], "u", "p&", "foci", {}),
        ("postgresql://bot:old@db/foci?password=new", [("db", None)], "bot", "new", "foci", {}),
        (
            "postgresql://db/foci?sslmode=verify-full&sslrootcert=/etc/ca.pem&options=-c%20search_path%3Dfoci",
            [("db", None)],
            None,
            None,
            "foci",
            {"sslmode": "verify-full", "sslrootcert": "/etc/ca.pem", "options": "-c search_path=foci"},
        ),
    ],
)
def test_what_a_url_says(
    url: str, hosts: list[object], user: str, password: str, database: str, parameters: dict[str, str]
) -> None:
    """Escapes, several hosts, sockets, and parameters that say what stands before the question mark."""
    found = postgres(url)
    assert (list(found.hosts), found.user, found.password) == (hosts, user, password)
    assert (found.database, found.parameters) == (database, parameters)
    assert parse_database_url(str(found)) == found


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("mysql://u:hunter2@h/d", "must be sqlite"),
        ("postgresql+asyncpg://u:hunter2@h/d", "must be sqlite"),
        ("postgresql://u:hunter2@h", "must be sqlite"),
        ("postgresql://u:hunter2@h/d?dbname=", "must be sqlite"),
        ("postgresql://u:hunter2@h/a/b", "as %40"),
        ("postgresql://u:x/hunter2@h/d", "as %40"),
        ("postgresql://u:x#hunter2@h/d", "as %40"),
        ("postgresql://u:hunter2%@h/d", "as %40"),
        ("postgresql://u:hunter2%ff@h/d", "as %40"),
        ("postgresql://u:hunter 2@h/d", "as %40"),
        ("postgresql://u:hunter2@h:port/d", "as %40"),
        ("postgresql://u:1?dbname=hunter2@h/d", "as %40"),
        ("postgresql://u:hunter2@h:0/d", "port"),
        ("postgresql://u:hunter2@h:65536/d", "port"),
        ("postgresql://u:hunter2@h/d?host=a,b&port=1,2,3", "as many as there are hosts"),
        ("postgresql://u:hunter2@h/d?hunter2=1", "not supported"),
        ("postgresql://u:hunter2@h/d?keepalives=1", "not supported"),
        ("postgresql://u:1?hunter2", "not supported"),
        ("postgresql://u:hunter2@h/d?sslmode=on", "sslmode must be one of"),
        ("postgresql://u:hunter2@h/d?target_session_attrs=standby", "must be one of any, primary, read-write"),
        ("postgresql://u:hunter2@h/d?connect_timeout=soon", "connect_timeout must be a number of seconds"),
        ("postgresql://u@h/d?password=hunter2&password=hunter2", "password twice"),
        ("postgresql://u@h/d?pass%77ord=hunter2&password=hunter2", "password twice"),
    ],
)
def test_what_is_refused(url: str, reason: str) -> None:
    """The reason says what is wrong and shows nothing of the URL."""
    with pytest.raises(ValueError, match=reason) as caught:
        parse_database_url(url)
    assert SECRET not in str(caught.value)


def _places(secret: str) -> tuple[str, ...]:
    """Where people write passwords."""
    return (
        f"postgresql://bot:{secret}@db.example:5432/foci?application_name=x",
        f"postgresql://bot:{secret}@a:1,b:2/foci?sslmode=require",
        f"postgresql://:{secret}@/foci?host=/run/postgresql",
        f"postgresql://bot@db/foci?password={secret}",
        f"postgresql://bot@db/foci?pass%77ord={secret}&connect_timeout=3",
        f"postgresql://bot@db/foci?sslkey=key.pem&sslpassword={secret}",
    )


def _shown(url: str) -> str:
    """All that anybody gets to see of a URL."""
    try:
        found = parse_database_url(url)
    except ValueError as error:
        return str(error)
    return f"{found!r} {found.place} {found.redacted}"


@given(ODD, ODD)
@example("1?dbname=", "")
@example("@", "/foci?")
def test_no_password_is_ever_shown(before: str, after: str) -> None:
    """Written as it is or escaped, in any place and whatever surrounds it: it is refused or hidden."""
    for secret in (f"{before}{SECRET}{after}", quote(f"{before}{SECRET}{after}", safe="")):
        for url in _places(secret):
            assert SECRET not in _shown(url)


@given(ODD.filter(lambda text: "\0" not in text))
def test_an_escaped_password_arrives_as_it_is(password: str) -> None:
    """Before the host or as a parameter."""
    escaped = quote(f"x{password}", safe="")
    for url in (f"postgresql://bot:{escaped}@db/foci", f"postgresql://bot@db/foci?password={escaped}"):
        assert postgres(url).password == f"x{password}"
        assert postgres(str(postgres(url))) == postgres(url)


def test_what_is_shown() -> None:
    """The log names user, host and database; the effective configuration every parameter too."""
    url = postgres("postgresql://bot:hunter2@a,[::1]:2/foci?sslpassword=hunter2&sslmode=require")
    assert url.place == "postgresql://bot@a,[::1]:2/foci"
    assert url.redacted == "postgresql://bot:REDACTED@a,[::1]:2/foci?sslpassword=REDACTED&sslmode=require"
    assert postgres(url.redacted) == replace(
        url, password="REDACTED", parameters={"sslpassword": "REDACTED", "sslmode": "require"}
    )


@pytest.mark.parametrize("url", ["sqlite:///data/foci.db", "sqlite:////var/lib/foci bot/foci.db", "sqlite://"])
def test_sqlite(url: str) -> None:
    """A path as written, or none for a database in memory."""
    found = parse_database_url(url)
    assert isinstance(found, SqliteUrl)
    assert str(found) == found.redacted == url
