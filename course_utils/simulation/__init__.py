"""From a physics process to jets in a file; a CPU is all it needs.

`produce` makes a jet file of a sample in the catalogue. A jet passes through the modules in this
order:

=========== =====================================================================
module      what it does
=========== =====================================================================
collisions  Pythia 8 set up for a process of the catalogue
propagation where particles leave the solenoid, and which are lost before
detector    tracks, towers and energy flow; `card` holds the detector's numbers
clustering  leading anti-kT jets, their constituents, and the cuts
truth       the match to the generated particles, and the labels of a jet
production  many jets: in parallel, reproducible, resumable, streamed to a file
workers     the processes that share this work on one machine
=========== =====================================================================

The room may import `course_utils.samples`, `jetfile`, `substructure` and `files`. It needs the
extra ``simulation`` (``pythia8mc``, ``fastjet``, ``awkward``), and is imported only where jets are
generated.
"""

from course_utils.simulation.production import produce

__all__ = ["produce"]
