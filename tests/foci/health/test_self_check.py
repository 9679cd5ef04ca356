"""When hosts fall silent together, the bot doubts itself first; whose silence counts."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.foci.health.events import AlertEvent, EventKind
from plugins.foci.health.keys import SELF
from plugins.foci.health.self_check import CODEC, PATIENCE, SelfCheck
from plugins.foci.health.witnesses import Role, Tier

WINDOW = 300.0
START = 1_000_000.0
CONFIGURED, CANARY = Role(Tier.CONFIGURED), Role(Tier.CANARY)
BESIDE = Role(Tier.BESIDE, proves=False)


def parties(count: int, *, each: int = 1) -> dict[str, Role]:
    """Hosts of so many parties."""
    return {f"p{party}-{one}.net": Role(Tier.OTHER, f"p{party}.net") for party in range(count) for one in range(each)}


def configured(count: int) -> dict[str, Role]:
    return {f"h{number}.example": CONFIGURED for number in range(count)}


def canaries(count: int) -> dict[str, Role]:
    return {f"canary{number}.org": CANARY for number in range(count)}


class Bot:
    """The bot's view of some hosts, all of which answered once."""

    def __init__(self, roles: dict[str, Role] | int) -> None:
        self.roles = configured(roles) if isinstance(roles, int) else roles
        self.state = SelfCheck(now=START)
        self.state.assign(self.roles)
        self.now = START
        self.answered_at = -WINDOW
        self.round(set(self.roles))

    def look(self, host: str, *, answers: bool, after: float = 0.0) -> list[AlertEvent]:
        self.now += after
        still = self.now - self.answered_at <= WINDOW
        if answers and self.roles[host].proves:
            self.answered_at = self.now
        self.state.look(host, self.roles[host], self.now, WINDOW, answers=answers)
        events = self.state.conclude(WINDOW, proven=self.now - self.answered_at <= WINDOW, still=still)
        assert CODEC.load(CODEC.dump(self.state.suspicion)) == self.state.suspicion
        return list(events)

    def round(self, answering: set[str], every: float = 250.0) -> list[AlertEvent]:
        """Each host once, evenly spread over ``every`` seconds."""
        after = every / len(self.roles)
        return [event for host in self.roles for event in self.look(host, answers=host in answering, after=after)]

    def restarted(self) -> None:
        """Another process, after what this one stored."""
        silences = {host: self.state.silent_since(host) for host in self.roles}
        self.state = SelfCheck(silences, self.state.suspicion, self.now)
        self.state.assign(self.roles)
        self.answered_at = -WINDOW

    @property
    def hosts(self) -> list[str]:
        return list(self.roles)


def silent(bot: Bot, *fallen: str) -> bool:
    """Whether it doubts itself once these fell silent, the others answering."""
    bot.round(set(bot.roles) - set(fallen))
    return bot.state.active


def test_more_than_half_of_five_hosts_make_it_suspect_itself() -> None:
    """Said once, with the figures; nothing more while it lasts."""
    bot = Bot(5)
    (event,) = bot.round(set())
    assert (event.kind, event.key, event.cause.detail) == (EventKind.FIRED, SELF, "3 of 5 hosts failed within 5 min")
    assert bot.state.active
    assert bot.round(set()) + bot.round(set()) == []


def test_half_of_them_is_not_enough() -> None:
    """Three of six are blamed."""
    bot = Bot(6)
    assert bot.round(set(bot.hosts[3:])) == []
    assert not bot.state.active


def test_four_hosts_without_a_canary_prove_nothing() -> None:
    """With so few, all of them may well be down."""
    assert not silent(Bot(4), *Bot(4).hosts)


def test_hosts_that_fall_silent_one_after_the_other_are_blamed() -> None:
    """Only those newly silent within the window count, and what is silent for longer does not vote at all."""
    bot = Bot(6)
    for down in range(1, 4):
        assert bot.round(set(bot.hosts[down:])) == [], down
        assert bot.round(set(bot.hosts[down:])) == [], down
    bot = Bot(12)
    for _ in range(3):
        bot.round(set(bot.hosts[5:]))
    assert silent(bot, *bot.hosts[:9])


CASES: dict[str, tuple[dict[str, Role], set[str], bool]] = {
    "three canaries decide alone": (canaries(3) | configured(9), {"canary0.org", "canary1.org"}, True),
    "and acquit alone": (canaries(3) | configured(9), {"canary0.org", *configured(9)}, False),
    "a canary that answers acquits": (canaries(1) | configured(9), set(configured(9)), False),
    "a canary alone is no reason": (canaries(1) | configured(9), {"canary0.org"}, False),
    "both are": (canaries(1) | configured(9), {"canary0.org", *configured(9)}, True),
    "a few need a canary": (configured(2) | canaries(1), {"canary0.org", *configured(2)}, True),
    "and all of them": (configured(2) | canaries(1), {"canary0.org", "h0.example"}, False),
    "the own homeserver is one": (configured(3) | {"home.org": BESIDE}, {"home.org", *configured(3)}, True),
    "that answers prove nothing there": (configured(9) | {"home.org": BESIDE}, set(configured(9)), True),
    "that is silent alone": (configured(1) | {"home.org": BESIDE}, {"home.org"}, False),
    "a room's ten, and the own homeserver": (
        parties(1, each=10) | {"home.org": BESIDE},
        {"home.org", *parties(1, each=10)},
        True,
    ),
    "a room's ten alone": (parties(1, each=10) | {"home.org": BESIDE}, set(parties(1, each=10)), False),
    "forty of one party beside the configured": (parties(1, each=40) | configured(5), set(parties(1, each=40)), False),
    "as beside a single one": (parties(1, each=40) | configured(1), set(parties(1, each=40)), False),
    "twenty parties while one configured answers": (parties(20) | configured(1), set(parties(20)), False),
    "twenty parties and the configured": (parties(20) | configured(1), {"h0.example", *parties(20)}, True),
    "parties that answer acquit nobody": (
        parties(20) | configured(3) | {"home.org": BESIDE},
        {"home.org", *configured(3)},
        True,
    ),
    "most of five parties": (parties(5), set(list(parties(5))[:3]), True),
    "half of a party is not the party": (
        parties(5, each=2),
        {name for name in parties(5, each=2) if name.endswith("-0.net")},
        False,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_who_decides(name: str) -> None:
    """Canaries first, then what is configured, then everybody else, a party at a time."""
    roles, fallen, suspects = CASES[name]
    assert silent(Bot(roles), *fallen) is suspects


def test_it_is_over_when_half_of_the_hosts_answer_again() -> None:
    """The end is told with its duration."""
    bot = Bot(6)
    bot.round(set())
    since = bot.state.suspicion.since
    (event,) = bot.round(set(bot.hosts))
    assert (event.kind, event.since, event.cause.detail) == (EventKind.RESOLVED, since, "most hosts answer again")
    assert not bot.state.active


def test_what_answered_before_it_began_does_not_end_it() -> None:
    """One more answer, of a host that was not asked for a while, is not half of the hosts."""
    bot = Bot(6)
    bot.now += 100
    events = [event for host in bot.hosts[1:4] for event in bot.look(host, answers=False, after=1)]
    assert [event.cause.detail for event in events] == ["3 of 5 hosts failed within 5 min"]
    assert bot.look(bot.hosts[0], answers=True, after=1) == []
    assert bot.state.active
    assert [event.kind for host in bot.hosts[4:] for event in bot.look(host, answers=True, after=1)] == [
        EventKind.RESOLVED
    ]


def test_few_are_enough_to_end_what_few_began() -> None:
    """The own homeserver answers again, where its silence was what made the difference."""
    bot = Bot(parties(1, each=10) | {"home.org": BESIDE})
    assert silent(bot, *bot.hosts)
    assert bot.look("home.org", answers=True, after=10)[0].kind is EventKind.RESOLVED
    assert bot.round({"home.org"}) == []


def test_the_own_homeserver_ends_nothing_that_it_was_no_part_of() -> None:
    """It answers all along, as it stands beside the bot."""
    bot = Bot(parties(6) | {"home.org": BESIDE})
    assert silent(bot, *parties(6))
    for _ in range(2):
        bot.restarted()
        assert bot.round({"home.org"}) == []
    assert bot.state.active


def test_a_restart_makes_nothing_of_a_few_that_fell_silent() -> None:
    """Those that answer count from the start, before they are looked at."""
    bot = Bot(60)
    for host in bot.hosts[:12]:
        bot.look(host, answers=False, after=1)
    bot.restarted()
    assert [event for host in bot.hosts[:12] for event in bot.look(host, answers=False, after=1)] == []
    assert not bot.state.active


@pytest.mark.parametrize("restarts", [False, True])
def test_it_lasts_while_nothing_answers(restarts: bool) -> None:
    """However long, and over the bot's own end."""
    bot = Bot(6)
    bot.round(set())
    for _ in range(50):
        if restarts:
            bot.restarted()
        assert bot.round(set()) == []
    assert bot.state.active


def test_a_start_without_a_network_is_noticed() -> None:
    """What is remembered of the time before is that they answered."""
    bot = Bot(6)
    bot.now += 8 * 3600
    bot.restarted()
    assert [event.kind for event in bot.round(set())] == [EventKind.FIRED]


def test_it_ends_when_other_hosts_keep_answering() -> None:
    """If most watched hosts are really down, they are blamed in the end."""
    bot = Bot(6)
    bot.round(set(bot.hosts[4:]))
    assert bot.state.active
    events = [event for _ in range(5) for event in bot.round(set(bot.hosts[4:]))]
    assert [(event.kind, event.cause.detail) for event in events] == [
        (EventKind.RESOLVED, "other hosts kept answering")
    ]
    assert not bot.state.active


def test_a_connection_that_comes_and_goes_is_told_once_an_hour() -> None:
    """Within the hour it still holds back, without a word."""
    bot = Bot(6)
    told = [event for _ in range(3) for answering in (set[str](), set(bot.hosts)) for event in bot.round(answering)]
    assert [event.kind for event in told] == [EventKind.FIRED, EventKind.RESOLVED]
    bot.round(set())
    assert bot.state.active


def test_it_holds_back_before_it_says_a_word() -> None:
    """Of thirty hosts the first five all fell silent: nobody is blamed for that yet, for a window at most."""
    bot = Bot(30)
    first_bad = bot.now + 5
    for host in bot.hosts[:4]:
        bot.look(host, answers=False, after=5)
    assert not bot.state.holds_back(first_bad, WINDOW)
    assert bot.look(bot.hosts[4], answers=False, after=5) == []
    assert bot.state.holds_back(first_bad, WINDOW)
    assert not bot.state.holds_back(bot.now - WINDOW - 1, WINDOW)
    assert not bot.state.holds_back(None, WINDOW)
    for host in bot.hosts[5:10]:
        bot.look(host, answers=True, after=5)
    assert not bot.state.holds_back(first_bad, WINDOW)


def test_strangers_hold_nothing_back_where_canaries_answer() -> None:
    """Not even for a window, and before the canary was looked at again."""
    bot = Bot(parties(30) | canaries(1))
    first_bad = bot.now + 1
    for host in bot.hosts[:30]:
        bot.look(host, answers=False, after=1)
    assert not bot.state.active
    assert not bot.state.holds_back(first_bad, WINDOW)


def test_while_it_suspects_itself_everything_is_held_back() -> None:
    """Also what was bad long before."""
    bot = Bot(5)
    bot.round(set())
    assert bot.state.holds_back(bot.now - 600, WINDOW)
    assert bot.state.holds_back(None, WINDOW)


def test_checks_that_began_before_its_end_blame_nobody() -> None:
    """For a window after it what went bad before is still held back; what goes bad later is not."""
    bot = Bot(6)
    bot.round(set())
    first_bad = bot.now
    for host in bot.hosts[:3]:
        bot.look(host, answers=True, after=1)
    ended = bot.state.suspicion.calm_since
    assert ended == bot.now
    assert bot.state.holds_back(first_bad, WINDOW)
    assert not bot.state.holds_back(ended + 1, WINDOW)
    bot.look(bot.hosts[0], answers=True, after=WINDOW - 1)
    assert bot.state.holds_back(first_bad, WINDOW)
    bot.look(bot.hosts[0], answers=True, after=1)
    assert not bot.state.holds_back(first_bad, WINDOW)


def test_what_never_answered_says_nothing() -> None:
    """Whoever watches names that were never any good makes the bot neither doubt itself nor stop."""
    roles = configured(6) | {f"x{number}.example.net": CONFIGURED for number in range(20)}
    bot = Bot(6)
    bot.roles = roles
    bot.state.assign(roles)
    for host in list(roles)[6:]:
        assert bot.look(host, answers=False) == []
    bot.round(set())
    assert bot.state.active
    bot.round(set(configured(6)))
    assert not bot.state.active


def test_nothing_is_held_back_for_ever_while_others_answer() -> None:
    """Four windows after it went bad it is blamed, suspicion or not."""
    bot = Bot(canaries(3) | configured(3))
    first_bad = bot.now
    while bot.now < first_bad + 6 * WINDOW:
        # one canary answers; that the others do is not enough to end it before its time
        bot.round({"canary0.org"}, every=50)
        if bot.state.active:
            assert bot.state.holds_back(first_bad, WINDOW) is (bot.now < first_bad + (PATIENCE + 1) * WINDOW)
    assert not bot.state.active


def test_hosts_no_longer_watched_are_forgotten() -> None:
    """They vote no more, and must answer again before they do."""
    bot = Bot(6)
    bot.state.assign(configured(2))
    bot.state.assign(configured(6))
    assert bot.round(set()) == []
    assert not bot.state.active


def test_a_role_that_changes_holds_at_once() -> None:
    """Who were parties of strangers are vouched for as soon as the configuration watches them."""
    bot = Bot(parties(1, each=10))
    bot.roles = dict.fromkeys(bot.roles, CONFIGURED)
    bot.state.assign(bot.roles)
    assert silent(bot, *bot.hosts)


def test_a_clock_that_is_set_back_does_not_blind_it() -> None:
    """Hosts from the future are as recent as can be."""
    bot = Bot(6)
    bot.now -= 86400
    assert [event.kind for event in bot.round(set())] == [EventKind.FIRED]


def test_checks_out_of_order_are_taken_as_they_come() -> None:
    """Some take longer than others; none of it is a clock that was set."""
    bot = Bot(6)
    late = bot.now - 20
    bot.look(bot.hosts[0], answers=True, after=5)
    bot.now = late
    assert bot.look(bot.hosts[1], answers=True) == []
    assert [event.kind for event in bot.round(set(), every=100)] == [EventKind.FIRED]


looks = st.lists(st.tuples(st.integers(0, 9), st.booleans(), st.floats(0, 400)), max_size=150)


@settings(deadline=None)
@given(looks, st.sampled_from([configured(10), canaries(2) | configured(4) | parties(4), parties(5, each=2)]))
def test_beginning_and_end_take_turns(looked: list[tuple[int, bool, float]], roles: dict[str, Role]) -> None:
    """Never two suspicions without an end between, never an end without one."""
    bot = Bot(roles)
    suspected = False
    for number, answers, after in looked:
        for event in bot.look(bot.hosts[number], answers=answers, after=after):
            assert (event.kind is EventKind.FIRED) is not suspected
            suspected = event.kind is EventKind.FIRED
        assert bot.state.active or not suspected


@settings(deadline=None)
@given(looks, st.integers(0, 149))
def test_counters_are_what_counting_would_give(looked: list[tuple[int, bool, float]], pause: int) -> None:
    """A self-check that is counted anew at every look comes to the same, look for look."""
    roles = canaries(2) | configured(4) | parties(2, each=2)
    bot, other = Bot(roles), Bot(roles)
    for place, (number, answers, after) in enumerate(looked):
        more = 1000.0 if place == pause else 0.0
        told = bot.look(bot.hosts[number], answers=answers, after=after + more)
        other.state.assign(roles)
        assert other.look(other.hosts[number], answers=answers, after=after + more) == told
        assert other.state.suspicion == bot.state.suspicion
