"""The leaderboard in five formats: clear, escaped, and no finer than the leak budget."""

import csv
import io
import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
from boards import FILES, HOSTILE, IS_PUBLIC, LABELS, NOON, drawn, entries, html_text

from challenge.board import text as board
from challenge.board.axes import LogAxis, Scale
from challenge.board.build import Evidence, Occasion, build_standings
from challenge.scoring.budget import live_card
from challenge.scoring.scorecard import score
from challenge.store.records import Phase
from course_utils.metrics import Measurement, Rejection


@pytest.fixture(params=list(Phase), ids=str)
def shown(tmp_path, request):
    return drawn(tmp_path, request.param)


# --- what a board holds ----------------------------------------------------------------------


def test_ranks_follow_the_split_that_counts_and_tell_how_far_entries_moved(tmp_path):
    live, final = drawn(tmp_path), drawn(tmp_path, Phase.REVEALED)
    for lines, column in ((live.lines, "public"), (final.lines, "private")):
        exact = {each.id: getattr(each.verdict, column).auc.value for each in entries()}
        ordered = [exact[line.submission] for line in lines]
        assert ordered == sorted(ordered, reverse=True)
        assert [line.rank for line in lines] == list(range(1, len(lines) + 1))
    before = {line.submission: line.rank for line in live.lines}
    assert {line.submission: line.climbed + line.rank for line in final.lines} == before
    assert all(line.climbed is None for line in live.lines)


def test_three_networks_of_equal_noise_are_tied_and_a_coin_is_not(tmp_path):
    group = {line.submission: line.group for line in drawn(tmp_path).lines}
    assert group[0] == group[1] == group[2] == 1
    assert group[5] == max(group.values()) > 1


def test_a_network_stands_once_with_its_tries_and_what_the_ladder_refused_does_not(tmp_path):
    of = [replace(each, team="us", network="cnn") for each in entries()]
    of[0] = replace(of[0], verdict=replace(of[0].verdict, is_best=False))
    (line,) = drawn(tmp_path, of=of).lines
    assert line.submission in (1, 2)
    assert line.tries == len(of)


def test_look_elsewhere_counts_the_tries_of_teams_alone(tmp_path):
    of = entries()
    of[-1] = replace(of[-1], team="baseline")
    luck = drawn(tmp_path, of=of).look_elsewhere
    assert luck.tried == len(of) - 1
    assert 0 < luck.gain < 0.05
    assert drawn(tmp_path, of=[]).look_elsewhere is None


def test_diagnostics_come_after_the_reveal_and_for_leaders_only(tmp_path):
    final = drawn(tmp_path, Phase.REVEALED)
    told = [line.submission for line in final.lines if line.diagnostics]
    assert len(told) == 5
    assert len({line.team for line in final.lines if line.diagnostics}) == 5
    assert all(line.diagnostics is None for line in drawn(tmp_path).lines)


def test_who_is_no_better_than_chance_is_no_leader(tmp_path):
    of = [each for each in entries() if each.id in (0, 5)]
    flipped = f"{99:064x}"
    files = {**FILES, flipped: -FILES[of[0].sha256]}
    split = IS_PUBLIC
    of.append(
        replace(
            of[0],
            id=99,
            team="flipped",
            sha256=flipped,
            verdict=replace(of[0].verdict, public=score(LABELS[split], files[flipped][split])),
        )
    )
    evidence = Evidence(LABELS[split], lambda key: files[key][split], tmp_path / "cache")
    shown = build_standings(Occasion("Spring", Phase.LIVE, NOON), of, evidence)
    assert [bool(line.working_points) for line in shown.lines] == [True, True, False]


# --- the leak budget -------------------------------------------------------------------------


def test_a_live_board_holds_no_number_finer_than_its_budget(tmp_path):
    n_background = int(np.count_nonzero(LABELS[IS_PUBLIC] == 0))
    live = drawn(tmp_path)
    for line in live.lines:
        exact = next(each.verdict.public for each in entries() if each.id == line.submission)
        assert line.card == live_card(exact, n_background)
        assert line.card.auc.value == round(exact.auc.value, 4)
        assert line.public is None
        assert line.diagnostics is None
        assert len(line.working_points) <= 20
        for point in line.working_points:
            assert point.rejection.value == float(f"{point.rejection.value:.2g}")


@pytest.mark.parametrize("form", board.FORMATS)
def test_no_format_of_a_live_board_tells_an_exact_number(tmp_path, form):
    text = board.FORMATS[form](drawn(tmp_path))
    for each in entries():
        for exact in (each.verdict.public.auc, each.verdict.private.auc):
            assert f"{exact.value:.6f}" not in text
            assert f"{exact.value:.5f}" not in text


def test_one_more_surviving_jet_seldom_changes_what_is_shown_of_a_rejection():
    def shown_of(survivors):
        low, high = (10_000 / (survivors + sign * np.sqrt(survivors)) for sign in (1, -1))
        return live_card(
            replace(
                entries()[0].verdict.public,
                r30=Rejection(10_000 / survivors, low, high, False),
                r50=Rejection(10_000 / survivors, low, high, False),
            ),
            10_000,
        )

    cards = [shown_of(survivors) for survivors in range(9, 60)]
    changes = sum(one != other for one, other in itertools.pairwise(cards))
    assert changes < 0.25 * len(cards)
    for survivors, card in zip(range(9, 60), cards, strict=True):
        sigma = 10_000 / survivors**1.5
        assert abs(card.r30.value - 10_000 / survivors) < 0.65 * sigma
        assert card.r30.low <= card.r30.value <= card.r30.high


def test_a_limit_stays_a_limit_of_one_figure():
    card = live_card(score([0] * 500 + [1] * 500, np.repeat([0.0, 1.0], 500)), 500)
    assert (card.r50.is_limit, card.r50.value) == (True, 400.0)


# --- formats ---------------------------------------------------------------------------------


@pytest.mark.parametrize("form", board.FORMATS)
def test_every_format_names_every_entry_once_and_in_order(shown, form):
    text = html_text(board.FORMATS[form](shown)) if form == "html" else board.FORMATS[form](shown)
    places = [text.index(f"net {line.submission}") for line in shown.lines]
    assert places == sorted(places)


@pytest.mark.parametrize("form", board.FORMATS)
def test_an_empty_board_is_a_board(tmp_path, form):
    assert board.FORMATS[form](drawn(tmp_path, of=[]))


def test_the_csv_board_has_no_cell_that_a_spreadsheet_would_run(tmp_path):
    of = entries(teams=("=1", "+1", "-1+cmd", "@sum", " =1", "\t=1", "Zoë"))
    rows = list(csv.DictReader(io.StringIO(board.as_csv(drawn(tmp_path, of=of)))))
    assert len(rows) == len(of)
    cells = [cell for row in rows for cell in row.values()]
    assert not any(cell.lstrip().startswith(("=", "+", "-", "@")) for cell in cells)
    assert "Zoë" in cells


def test_the_json_board_gives_numbers_as_numbers_and_times_in_utc(shown):
    told = json.loads(board.as_json(shown))
    assert (told["challenge"], told["phase"]) == ("Spring", shown.phase.value)
    row, line = told["entries"][0], shown.lines[0]
    assert (row["rank"], row["group"], row["auc"]) == (1, 1, line.card.auc.value)
    assert row["received_at"] == f"{line.received_at:%Y-%m-%dT%H:%M:%SZ}"
    assert bool(row["diagnostics"]) == (shown.phase is Phase.REVEALED)


def test_the_markdown_board_keeps_its_columns_whatever_the_names(tmp_path):
    text = board.as_markdown(drawn(tmp_path, of=entries(networks=HOSTILE)))
    rows = [line for line in text.splitlines() if line.startswith("| ") and "±" in line]
    assert len(rows) == len(HOSTILE)
    for row in rows:
        assert row.replace(r"\|", "").count("|") == 10
        for sign in "*<[`#":
            assert row.count(sign) == row.count("\\" + sign)


def test_the_terminal_table_shows_markup_as_text_and_paints_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "250")
    table = board.as_table(drawn(tmp_path, of=entries(networks=HOSTILE)))
    assert "[red]*x*[/red]" in table
    assert "\x1b" not in table
    assert "\u202e" not in table


def test_the_terminal_table_draws_error_bars_and_parts_the_groups(shown, monkeypatch):
    monkeypatch.setenv("COLUMNS", "140")
    table = board.as_table(shown)
    assert table.count("●") + table.count("◂") == len(shown.lines)
    n_groups = shown.lines[-1].group
    rows = table[table.index("───") :].split("Published")[0].splitlines()[1:]
    last = max(number for number, row in enumerate(rows) if "±" in row)
    assert sum(not row.strip() for row in rows[:last]) == n_groups - 1


def test_the_terminal_table_loses_no_digit_in_a_narrow_terminal(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    of = [replace(each, team="a long team name " * 3) for each in entries()]
    table = board.as_table(drawn(tmp_path, of=of))
    assert "…" not in table.split("tries")[1]
    assert max(map(len, table.splitlines())) <= 60
    squeezed = "".join(table.split())
    assert f"{drawn(tmp_path, of=of).lines[0].card.auc.value:.4f}"[:4] in squeezed


def test_a_shared_lead_is_said_and_a_sole_one_too(tmp_path):
    assert "The lead is shared: " in board.as_table(drawn(tmp_path))
    alone = [each for each in entries() if each.id in (0, 5)]
    assert "Zoë / net 0 leads, significantly." in board.as_table(drawn(tmp_path, of=alone))


def test_who_stands_alone_on_a_board_leads_nobody(tmp_path):
    (entry, *_) = entries()
    drawn_alone = drawn(tmp_path, of=[entry])
    for form in ("table", "md", "html"):
        shown = board.FORMATS[form](drawn_alone)
        assert " is the only entry." in shown
        assert "significantly." not in shown


def test_no_format_loses_the_space_between_a_number_and_its_unit(tmp_path):
    for form in ("table", "md", "html"):
        shown = board.FORMATS[form](drawn(tmp_path))
        assert "50\u00a0% and 30\u00a0%" in shown
        assert "?%" not in shown


def test_a_lead_that_many_share_names_the_first_and_counts_the_others(tmp_path):
    keys = list(FILES)[:3]
    of = [replace(entries()[number % 3], id=number, network=f"n{number}") for number in range(5)]
    assert len({each.sha256 for each in of}) == len(keys)
    assert "but 4 others are not significantly worse" in board.as_markdown(drawn(tmp_path, of=of))


# --- where things are drawn ------------------------------------------------------------------


def test_a_hopeless_entry_does_not_squeeze_the_others():
    good = [Measurement(value, 0.001) for value in (0.98, 0.979, 0.975, 0.97)]
    scale = Scale.of([*good, Measurement(0.5, 0.01)])
    assert scale.is_below(Measurement(0.5, 0.01))
    assert not any(scale.is_below(each) for each in good)
    places = [scale.at(each.value) for each in good]
    assert places == sorted(places, reverse=True)
    assert places[0] - places[-1] > 0.5


def test_a_perfect_and_a_lonely_entry_can_be_drawn():
    for only in (Measurement(1.0, 0.0), Measurement(0.5, 0.0), Measurement(0.0, 0.0)):
        scale = Scale.of([only])
        assert 0 <= scale.at(only.value) <= 1
        assert len(scale.bar(only, 19)) == 19
        assert scale.span


@pytest.mark.parametrize("low", [0.85, 0.9, 0.93, 0.936, 0.95])
def test_ticks_keep_their_distance_and_stand_for_round_numbers(low):
    scale = Scale(low, 0.985)
    at = [tick.at for tick in scale.ticks]
    assert min(np.diff(at)) > 0.29  # a label is a quarter of the cell wide
    for tick in scale.ticks:
        assert scale.at(float(tick.label)) == tick.at


def test_an_axis_of_near_entries_still_has_its_ticks():
    scale = Scale.of([Measurement(0.98213, 0.0002), Measurement(0.98207, 0.0002)])
    assert len(scale.ticks) >= 2
    for tick in scale.ticks:
        assert scale.at(float(tick.label)) == pytest.approx(tick.at)


def test_decades_stand_at_equal_distances():
    axis = LogAxis(1, 1e4)
    assert [tick.label for tick in axis.ticks] == ["1", "10", "100", "1 000", "10 000"]
    np.testing.assert_allclose(np.diff([tick.at for tick in axis.ticks]), 0.25)
