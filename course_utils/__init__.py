"""The small helper package behind the jet-tagging notebooks.

Read it: every function a notebook calls is here, short and documented.

==============  ===================================================================
module          what it holds
==============  ===================================================================
kinematics      ``(E, px, py, pz)`` <-> ``(pt, eta, phi, mass)``, jet sums
metrics         ROC, AUC with DeLong error, background rejection with interval
jetfile         the public jet-file format: one HDF5 table, read and written
datasets        the registry of samples: download, generate, open, stream
prepared        jets in the form a network reads, kept on disk; shuffled batches of them
cms_ntuples     public H->bb jets of CMS, ROOT or HDF5, as tables of the course
cms_open_data   which of their files to fetch from the CERN Open Data Portal
images          constituents -> centred, rotated, flipped, pixelated jet images
substructure    N-subjettiness, soft drop, subjets and trimming, through FastJet
lund            Lund planes: where in angle and transverse momentum a jet radiates
parallel        a function of some jets, applied to very many on all cores
training        seeds, progress and the loss history of a network; the training with Keras
torch_training  the training with PyTorch: early stopping, checkpoints, prediction in batches
networks        CVN and the bilinear CNN, in PyTorch
plotting        arrays in, matplotlib Axes out
image_plots     the same for jet images
submissions     a trained network -> the ``.npy`` file the challenge scores
grading         partial credit that nbgrader can trust
feedback        nbgrader's feedback without the hidden tests
simulation      Pythia 8 -> detector -> FastJet: makes the jets where none are
==============  ===================================================================

Importing the package imports none of them, so that each costs only what it needs.
"""
