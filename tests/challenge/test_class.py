"""A small class from the first day to the marks, as `benchmarks/challenge_class.py` plays it."""

import csv
import importlib.util
import io
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def term(tmp_path_factory):
    """What 9 teams see in 3 days."""
    path = ROOT / "benchmarks" / "challenge_class.py"
    spec = importlib.util.spec_from_file_location("challenge_class", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["challenge_class"] = module
    spec.loader.exec_module(module)
    folder = tmp_path_factory.mktemp("class") / "challenge"
    room = module.Classroom.opened(folder, n_jets=2000, days=3)
    return room, list(module.term(room, teams=9, days=3))


def test_every_submission_of_the_term_is_counted_and_none_is_wrong(term):
    room, told = term
    records = room.challenge.store.records()
    assert told[-1] == f"rescore --verify: {len(records)} submissions, 0 differ"
    assert told[-2].endswith(" 0 faults")


def test_no_team_had_more_than_its_quota(term):
    room, _ = term
    days = {}
    for record in room.challenge.store.records():
        if record.state == "SCORED" and record.team != "baseline":
            key = (record.team, (record.received_at - room.challenge.rules.opens).days)
            days[key] = days.get(key, 0) + 1
    assert max(days.values()) == 5


def test_honest_teams_stand_above_those_who_try_their_luck(term):
    _, told = term
    final = next(each for each in told if each.startswith("Spring school: final"))
    assert final.index("team 01") < final.index("prober")


def test_sock_puppets_are_pointed_out_and_nobody_else(term):
    _, told = term
    alike = [each for each in told if each.startswith("alike: ")]
    assert len(set(alike)) == 1  # one pair of networks, for each file that both handed in
    assert "puppets / cnn and puppets too / cnn" in alike[0]


def test_the_marks_of_the_class_are_those_of_its_work(term):
    _, told = term
    text = next(each for each in told if each.startswith("assignment,"))
    marks = {row["student_id"]: float(row["score"]) for row in csv.DictReader(io.StringIO(text))}
    assert marks["team 01"] >= 2
    assert marks["prober"] == 1
    assert "team 01" in marks
