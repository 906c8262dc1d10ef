"""From a physics process to jets in a file, on nothing but a CPU.

The rooms, in the order a jet passes through them:

==========  =====================================================================
module      what it does
==========  =====================================================================
processes   which collisions to generate, and Pythia 8 set up for them
detector    the ATLAS card of Delphes as numbers: tracks, towers, energy flow
clustering  leading anti-kT jet, its constituents, and the cuts
truth       the match to the true top or Higgs boson, and the labels of a jet
production  many jets: in parallel, reproducible, resumable, streamed to a file
workers     the processes that share this work on one machine
==========  =====================================================================

Needs the extra ``simulation`` (``pythia8mc``, ``fastjet``, ``awkward``).
"""
