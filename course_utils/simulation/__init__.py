"""From a physics process to jets or events in a file; a CPU is all it needs.

`produce` makes a jet file of a sample in the catalogue. A jet passes through the modules in this
order:

=========== =====================================================================
module      what it does
=========== =====================================================================
collisions  Pythia 8 set up for a process of the catalogue
propagation where particles leave the solenoid, and which are lost before
detector    tracks, towers and energy flow; `card` holds the detector's numbers
clustering  leading anti-kT jets, their constituents, and the cuts
decays      heavy particles and their quarks in Pythia's event records
truth       the match to the generated particles, and the labels of a jet
objects     leptons, jets with b tags and missing energy, where a row is an event
events      the selection of events, and their rows
units       some hundred jets of one process, with random numbers of their own
production  many units: in parallel, reproducible, resumable, streamed to a file
workers     the processes that share this work on one machine
=========== =====================================================================

The room may import `course_utils.samples`, `jetfile`, `substructure` and `files`. It needs the
extra ``simulation`` (``pythia8mc``, ``fastjet``, ``awkward``), and is imported only where jets are
generated.
"""

from course_utils.simulation.production import produce

__all__ = ["produce"]
