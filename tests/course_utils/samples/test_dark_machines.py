"""The public CSV files of DarkMachines, as their description says they are written."""

from __future__ import annotations

import os

import numpy as np
import pytest

from course_utils import kinematics
from course_utils.jetfile import DataError, DataNotFound, DataUnavailable
from course_utils.samples import Kind, read_dark_machines

TTBAR = (
    "12; ttbar; 1.5; 91000; -2.5; "
    "j,150000,120000,-0.7,3.1; b,90000,80000,0.4,-1.2; e-,41000,40000,0.1,0.3;"
)
SIGNAL = "13;monotop_200_A;0.25;300000.5;3.0;m+,5.1e4,5e4,-0.2,-3.1;g,31000,3.0E4,0.3,0"
NO_OBJECT = "14;ttbar;1;20000;0.1"


@pytest.fixture
def written(tmp_path):
    """A function: a file of these lines."""

    def write(*lines, end="\n"):
        path = tmp_path / "chan.csv"
        path.write_text(end.join(lines) + end)
        return path

    return write


def test_events_are_in_gev_by_falling_pt(written):
    events = read_dark_machines(written(TTBAR, SIGNAL), signal=["monotop_200_A"])
    pt = [[120, 91, 80, 40], [300.0005, 50, 30, 0]]
    np.testing.assert_allclose(kinematics.pt(events.momenta), pt, rtol=1e-6)
    assert events.kinds.tolist() == [
        [Kind.JET, Kind.MISSING_ENERGY, Kind.B_JET, Kind.LEPTON],
        [Kind.MISSING_ENERGY, Kind.LEPTON, Kind.PHOTON, Kind.NOTHING],
    ]
    eta, phi = kinematics.eta(events.momenta), kinematics.phi(events.momenta)
    np.testing.assert_allclose(eta, [[-0.7, 0, 0.4, 0.1], [0, -0.2, 0.3, 0]], atol=1e-6)
    np.testing.assert_allclose(phi, [[3.1, -2.5, -1.2, 0.3], [3.0, -3.1, 0, 0]], atol=1e-6)
    np.testing.assert_allclose(events.momenta[..., 0], [[150, 91, 90, 41], [300.0005, 51, 31, 0]])
    assert events.y_true.tolist() == [0, 1]
    assert events.columns["process"].tolist() == ["ttbar", "monotop_200_A"]
    assert events.columns["event"].tolist() == [12, 13]
    assert events.columns["weight"].tolist() == [1.5, 0.25]


def test_an_event_without_objects_has_its_missing_energy(written):
    events = read_dark_machines(written(NO_OBJECT))
    assert events.kinds.tolist() == [[Kind.MISSING_ENERGY]]
    assert kinematics.pt(events.momenta)[0] == pytest.approx(20)


def test_without_signal_all_is_background(written):
    assert read_dark_machines(written(TTBAR, SIGNAL)).y_true.tolist() == [0, 0]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n"])
def test_lines_may_end_in_any_way_and_be_empty(written, end):
    events = read_dark_machines(written(TTBAR, SIGNAL + " ; ", NO_OBJECT, end=end))
    assert events.columns["event"].tolist() == [12, 13, 14]


@pytest.mark.parametrize(("start", "stop"), [(0, 1), (1, None), (1, 2), (2, 9), (3, None)])
def test_start_and_stop_count_events_as_a_slice_does(written, start, stop):
    events = read_dark_machines(written(TTBAR, "", SIGNAL, NO_OBJECT), start=start, stop=stop)
    assert events.columns["event"].tolist() == [12, 13, 14][start:stop]
    assert events.momenta.shape[0] == len(events)


def test_what_is_behind_stop_is_not_looked_at(written):
    assert len(read_dark_machines(written(TTBAR, "not an event"), stop=1)) == 1


def test_one_process_may_be_given_as_a_text(written):
    assert read_dark_machines(written(TTBAR, SIGNAL), signal="monotop_200_A").y_true.sum() == 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1;ttbar;1;5", "expected event ID; process ID; .* got 4"),
        ("1;ttbar;1;5;0;t,1,2,3,4", r"objects out of j, b, g, e-.*got 't'"),
        ("1;ttbar;1;5;0;j,1,2,3", "expected obj, E, pt, eta, phi; got 'j,1,2,3'"),
        ("1;ttbar;1;5;0;j,1,2,3,4,5", "expected obj, E, pt, eta, phi"),
        ("1;ttbar;1;5;0;;j,1,2,3,4", "objects out of .* got ''"),
        ("1;ttbar;1;5;0;j,1,-2,3,4", "pt as a finite number of at least 0; got '-2'"),
        ("1;ttbar;1;5;0;j,1,2,nan,4", "eta as a finite number; got 'nan'"),
        ("1;ttbar;1;-5;0", "MET as a finite number of at least 0; got '-5'"),
        ("1;ttbar;1;5;x", "METphi as a finite number; got 'x'"),
        ("1;ttbar;inf;5;0", "the weight as a finite number; got 'inf'"),
        ("1.5;ttbar;1;5;0", "event ID as a whole number; got '1.5'"),
        ("event;process;weight;MET;METphi", "MET as a finite number"),
    ],
)
def test_a_line_that_is_no_event_is_named(written, line, message):
    with pytest.raises(DataError, match=rf"Line 3 of .*chan.csv is not an event: .*{message}"):
        read_dark_machines(written(TTBAR, "", line))


def test_a_signal_that_is_not_there_is_a_fault_of_the_name(written):
    with pytest.raises(DataError, match="of monotop_300; there are: monotop_200_A, ttbar"):
        read_dark_machines(written(TTBAR, SIGNAL), signal=["monotop_300"])


def test_missing_locked_and_packed_files_are_told_apart(tmp_path):
    with pytest.raises(DataNotFound, match=r"docs/data\.md"):
        read_dark_machines(tmp_path / "nothing.csv")
    with pytest.raises(DataUnavailable, match="cannot be read"):
        read_dark_machines(tmp_path)
    (tmp_path / "a.csv").write_bytes(b"\x1f\x8b\x08\xff\xfe" * 100)
    with pytest.raises(DataError, match="Unpack it"):
        read_dark_machines(tmp_path / "a.csv")
    if os.name == "posix" and os.geteuid() != 0:
        (tmp_path / "b.csv").write_text(TTBAR)
        (tmp_path / "b.csv").chmod(0)
        with pytest.raises(DataUnavailable):
            read_dark_machines(tmp_path / "b.csv")


@pytest.mark.parametrize("where", [{"start": -1}, {"stop": -2}])
def test_events_are_not_counted_from_the_end(written, where):
    with pytest.raises(ValueError, match="at least 0"):
        read_dark_machines(written(TTBAR), **where)
