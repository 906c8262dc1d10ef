"""A board of seven networks of known strength, and a reader of pages."""

import html.parser
from datetime import UTC, datetime, timedelta

import numpy as np
from challenges import scored_record

from challenge.board.build import PUBLISHED, Evidence, Occasion, build_standings
from challenge.board.standings import Standings
from challenge.scoring.scorecard import score
from challenge.store.records import Phase

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
N = 4000
RNG = np.random.default_rng(20260504)
LABELS = np.arange(N) % 2
MASS = np.where(LABELS, RNG.normal(172, 15, N), RNG.gamma(3, 30, N))
PT = RNG.uniform(550, 650, N)
COMMON = RNG.normal(size=N) + 2.6 * LABELS
IS_PUBLIC = RNG.random(N) < 0.5
FILES = {
    f"{number:064x}": COMMON + noise * np.random.default_rng(number).normal(size=N)
    for number, noise in enumerate((0.3, 0.3, 0.3, 1.2, 1.3, 4.0, 0.6))
}
# What names cannot hold: the board must not rely on `challenge.words`.
HOSTILE = (
    "<script>document.title='owned'</script>",
    '"><img src=x onerror="document.title=\'owned\'">',
    "'-alert(1)-'",
    "</style><svg onload=document.title='owned'>",
    "{{ 7*7 }}{% raw %}",
    "=HYPERLINK(1) | [red]*x*[/red] `_\n# x",
    "a\u202egnp.exe\x1b[31m",
)
TEAMS = ("Zoë", "The Jet Set", "us", "them", "Overfitters", "coin", "us")


def entries(teams=TEAMS, networks=None):
    return [
        scored_record(
            number,
            team,
            f"net {number}" if networks is None else networks[number],
            key,
            score(LABELS[IS_PUBLIC], scores[IS_PUBLIC]),
            score(LABELS[~IS_PUBLIC], scores[~IS_PUBLIC]),
            received_at=NOON + timedelta(minutes=number),
        )
        for number, ((key, scores), team) in enumerate(zip(FILES.items(), teams, strict=True))
    ]


def drawn(tmp_path, phase=Phase.LIVE, of=None, **options) -> Standings:
    split = ~IS_PUBLIC if phase is Phase.REVEALED else IS_PUBLIC
    evidence = Evidence(
        LABELS[split],
        lambda key: FILES[key][split],
        tmp_path / "cache",
        **{"pt": PT[split], "mass": MASS[split]} | options,
    )
    occasion = Occasion("Spring", phase, NOON, closes=NOON + timedelta(days=2))
    references = PUBLISHED if phase is Phase.REVEALED else ()
    return build_standings(
        occasion, entries() if of is None else of, evidence, references=references
    )


class Nodes(html.parser.HTMLParser):
    """Tags with their attributes, and all text."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.tags, self.text, self.inside = [], [], ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.inside = tag

    def handle_endtag(self, tag):
        self.inside = ""

    def handle_data(self, data):
        if self.inside not in ("script", "style"):
            self.text.append(data)


def html_text(page):
    return "".join(Nodes(page).text)
