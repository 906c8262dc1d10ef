"""The helper package behind the jet-tagging notebooks, documented and made to be read.

What lessons use:

==============  ===================================================================
samples         load the jets of a sample: ``load_jets``
kinematics      ``(E, px, py, pz)`` to ``(pt, eta, phi, mass)`` and back; jet sums
images          constituents to centred, rotated, flipped, pixelated jet images
substructure    N-subjettiness, soft drop, subjets, trimming, Lund planes
networks        CVN and the bilinear CNN, in PyTorch
training        seeds, training loops for Keras and PyTorch, the loss history
metrics         ROC, AUC with DeLong's error, background rejection with an interval
plotting        arrays in, Matplotlib Axes out
grading         partial credit, and predictions as files for the challenge
==============  ===================================================================

Where the jets come from:

==============  ===================================================================
simulation      Pythia 8, detector and FastJet make jets on this machine
samples         the catalogue of samples: what there is, where it lies, downloads
jetfile         the public jet-file format: one HDF5 table, read and written
prepared        jets on disk as a network reads them, in shuffled batches
files           a file is written completely or not at all, by one at a time
==============  ===================================================================

Importing the package imports none of them, so each costs only what it needs.
``docs/architecture.md`` draws which room may import which.
"""
