"""When many hosts go bad at once, the bot doubts itself first."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.foci.health.events import AlertEvent, EventKind, Sample, Status
from plugins.foci.health.keys import SELF, Key, KeyKind
from plugins.foci.health.self_check import CODEC, PATIENCE, HostView, SelfCheck, held_back, step

WINDOW = 300.0
START = 1_000_000.0
GOOD, BAD, UNKNOWN = Status.GOOD, Status.BAD, Status.UNKNOWN


class Bot:
    """The bot's view of some hosts."""

    def __init__(self, hosts: int) -> None:
        self.state = SelfCheck()
        self.now = START
        self.hosts = [f"h{number}.example" for number in range(hosts)]
        self.round([GOOD] * hosts)

    def look(self, host: str, *standings: Status, after: float = 0.0) -> list[AlertEvent]:
        self.now += after
        samples = [
            Sample(Key(KeyKind.DISCOVERY, f"s{place}"), host, one, self.now, "") for place, one in enumerate(standings)
        ]
        self.state, events = step(self.state, samples, self.now, WINDOW)
        assert CODEC.load(CODEC.dump(self.state)) == self.state
        return list(events)

    def round(self, standings: list[Status], every: float = 250.0) -> list[AlertEvent]:
        """Each host once, evenly spread over ``every`` seconds."""
        pairs = zip(self.hosts, standings, strict=True)
        return [event for host, one in pairs for event in self.look(host, one, after=every / len(self.hosts))]


def test_more_than_half_of_five_hosts_make_it_suspect_itself() -> None:
    """Said once, with the figures; nothing more while it lasts."""
    bot = Bot(5)
    (event,) = bot.round([BAD] * 5)
    assert (event.kind, event.key, event.cause.detail) == (EventKind.FIRED, SELF, "3 of 5 hosts failed within 5 min")
    assert bot.state.active
    assert bot.round([BAD] * 5) + bot.round([BAD] * 5) == []


def test_half_of_them_is_not_enough() -> None:
    """Three of six are blamed."""
    bot = Bot(6)
    assert bot.round([BAD, BAD, BAD, GOOD, GOOD, GOOD]) == []
    assert not bot.state.active


def test_four_hosts_prove_nothing() -> None:
    """With so few, all of them may well be down."""
    bot = Bot(4)
    assert bot.round([BAD] * 4) == []


def test_hosts_that_go_bad_one_after_the_other_are_blamed() -> None:
    """Only those newly bad within the window count."""
    bot = Bot(6)
    for down in range(1, 7):
        assert bot.round([BAD] * down + [GOOD] * (6 - down)) == [], down
        assert bot.round([BAD] * down + [GOOD] * (6 - down)) == [], down


def test_unknown_is_as_suspicious_as_bad() -> None:
    """A broken resolver makes everything unknown."""
    assert [event.kind for event in Bot(8).round([UNKNOWN] * 8)] == [EventKind.FIRED]


def test_one_good_answer_speaks_for_its_host() -> None:
    """A host that serves two things, one of them broken, proves the connection."""
    bot = Bot(5)
    assert [event for host in bot.hosts for event in bot.look(host, BAD, GOOD, after=50.0)] == []


def test_samples_without_a_host_say_nothing() -> None:
    """What was never asked of any host is no sign of the connection."""
    state = SelfCheck()
    for number in range(20):
        state, events = step(state, [Sample(Key(KeyKind.DISCOVERY, f"s{number}"), "", BAD, START, "")], START, WINDOW)
        assert events == ()
    assert not state.active


def test_it_is_over_when_half_of_the_hosts_answer_again() -> None:
    """The end is told with its duration."""
    bot = Bot(6)
    bot.round([BAD] * 6)
    since = bot.state.since
    (event,) = bot.round([GOOD] * 6)
    assert (event.kind, event.since, event.cause.detail) == (EventKind.RESOLVED, since, "most hosts answer again")
    assert not bot.state.active


def test_what_answered_before_it_began_does_not_end_it() -> None:
    """One more good answer, of a host that was not asked for a while, is not half of the hosts."""
    bot = Bot(6)
    bot.now += 100
    events = [event for host in bot.hosts[1:4] for event in bot.look(host, BAD, after=1)]
    assert [event.cause.detail for event in events] == ["3 of 5 hosts failed within 5 min"]
    assert bot.look(bot.hosts[0], GOOD, after=1) == []
    assert bot.state.active
    assert [event.kind for host in bot.hosts[4:] for event in bot.look(host, GOOD, after=1)] == [EventKind.RESOLVED]


def test_it_lasts_while_nothing_answers() -> None:
    """However long."""
    bot = Bot(6)
    bot.round([BAD] * 6)
    for _ in range(50):
        assert bot.round([BAD] * 6) == []
    assert bot.state.active


def test_it_ends_when_other_hosts_keep_answering() -> None:
    """If most watched hosts are really down, they are blamed in the end."""
    bot = Bot(6)
    bot.round([BAD] * 4 + [GOOD] * 2)
    assert bot.state.active
    events = [event for _ in range(5) for event in bot.round([BAD] * 4 + [GOOD] * 2)]
    assert [(event.kind, event.cause.detail) for event in events] == [
        (EventKind.RESOLVED, "other hosts kept answering")
    ]
    assert not bot.state.active


def test_a_connection_that_comes_and_goes_is_told_once_an_hour() -> None:
    """Within the hour it still holds back, without a word."""
    bot = Bot(6)
    told = [event for _ in range(3) for one in (BAD, GOOD) for event in bot.round([one] * 6)]
    assert [event.kind for event in told] == [EventKind.FIRED, EventKind.RESOLVED]
    bot.round([BAD] * 6)
    assert bot.state.active


def test_it_holds_back_before_it_says_a_word() -> None:
    """Of thirty hosts the first five all went bad: nobody is blamed for that yet, for a window at most."""
    bot = Bot(30)
    first_bad = bot.now + 5
    for host in bot.hosts[:4]:
        bot.look(host, BAD, after=5)
    assert not held_back(bot.state, first_bad, bot.now, WINDOW)
    assert bot.look(bot.hosts[4], BAD, after=5) == []
    assert held_back(bot.state, first_bad, bot.now, WINDOW)
    assert not held_back(bot.state, first_bad, first_bad + WINDOW + 1, WINDOW)
    assert not held_back(bot.state, None, bot.now, WINDOW)
    for host in bot.hosts[5:10]:
        bot.look(host, GOOD, after=5)
    assert not held_back(bot.state, first_bad, bot.now, WINDOW)


def test_while_it_suspects_itself_everything_is_held_back() -> None:
    """Also what was bad long before."""
    bot = Bot(5)
    bot.round([BAD] * 5)
    assert held_back(bot.state, START - 86400, bot.now, WINDOW)
    assert held_back(bot.state, None, bot.now, WINDOW)


def test_checks_that_began_before_its_end_blame_nobody() -> None:
    """For a window after it what went bad before is still held back; what goes bad later is not."""
    bot = Bot(6)
    bot.round([BAD] * 6)
    first_bad = bot.now
    bot.round([GOOD] * 6)
    assert bot.state.calm_since is not None
    ended = bot.state.calm_since
    assert held_back(bot.state, first_bad, ended, WINDOW)
    assert held_back(bot.state, first_bad, ended + WINDOW - 1, WINDOW)
    assert not held_back(bot.state, first_bad, ended + WINDOW, WINDOW)
    assert not held_back(bot.state, ended + 1, ended + 2, WINDOW)
    assert not held_back(bot.state, first_bad, ended - 3600, WINDOW)


def test_what_never_answered_says_nothing() -> None:
    """Whoever writes names into a list that were never any good makes the bot neither doubt itself nor stop."""
    bot = Bot(6)
    for number in range(20):
        assert bot.look(f"x{number}.example.net", BAD) == []
    assert len(bot.state.hosts) == 6
    bot.round([BAD] * 6)
    bot.round([GOOD] * 6)
    assert not bot.state.active


def test_all_that_one_list_names_counts_once() -> None:
    """Twenty names that were good and die together are one host; so they are when another list names them later."""
    bot = Bot(6)
    for standing in (GOOD, BAD):
        names = [f"x{number}.example.net" for number in range(20)]
        samples = [Sample(Key.parse("discovery:evil.example"), "evil.example", GOOD, bot.now, "")]
        samples += [Sample(Key.parse(f"focus:https://{name}:443/"), name, standing, bot.now, "") for name in names]
        for server in ("evil.example", "second.example"):
            bot.state, events = step(bot.state, samples, bot.now, WINDOW, server)
            assert events == ()
    assert len(bot.state.hosts) == 6 + 1 + 20
    assert not held_back(bot.state, bot.now, bot.now, WINDOW)
    restarted = {host: HostView(view.at, view.trouble_since) for host, view in bot.state.hosts.items()}
    bot.state = replace(bot.state, hosts=restarted)
    bot.state, events = step(bot.state, samples, bot.now, WINDOW, "evil.example")
    assert events == ()


def test_nothing_is_held_back_for_ever_while_others_answer() -> None:
    """Four windows after it went bad it is blamed, suspicion or not; after a cut they begin when somebody answers."""
    bot = Bot(6)
    first_bad = bot.now
    while bot.now < first_bad + 6 * WINDOW:
        bot.round([GOOD] * 6)
        bot.state = replace(bot.state, since=bot.now)
        assert held_back(bot.state, first_bad, bot.now, WINDOW) is (bot.now < first_bad + (PATIENCE + 1) * WINDOW)
    for _ in range(9):
        bot.round([BAD] * 6)
    assert held_back(bot.state, first_bad, bot.now, WINDOW)
    bot.look(bot.hosts[0], GOOD)
    assert held_back(bot.state, first_bad, bot.now, WINDOW)


def test_hosts_no_longer_watched_are_forgotten() -> None:
    """The state does not grow for ever."""
    bot = Bot(50)
    bot.now += 2 * 86400
    bot.look("new.example", GOOD)
    assert list(bot.state.hosts) == ["new.example"]


def test_a_clock_that_is_set_back_does_not_blind_it() -> None:
    """Hosts from the future are as recent as can be."""
    bot = Bot(6)
    bot.now -= 86400
    assert [event.kind for event in bot.round([BAD] * 6)] == [EventKind.FIRED]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from([GOOD, BAD, UNKNOWN]), st.floats(0, 400)), max_size=150))
def test_beginning_and_end_take_turns(looks: list[tuple[int, Status, float]]) -> None:
    """Never two suspicions without an end between, never an end without one, never with fewer than five hosts."""
    bot = Bot(10)
    suspected = False
    for number, standing, after in looks:
        for event in bot.look(bot.hosts[number], standing, after=after):
            assert (event.kind is EventKind.FIRED) is not suspected
            suspected = event.kind is EventKind.FIRED
        assert bot.state.active or not suspected
