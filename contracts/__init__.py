"""The files that rooms hand each other, and what every room may share.

`preprocess`, `protocols` and `merba` never import one another; they meet in four files, whose formats
live here and are checked on every write and every read:

* `contracts.clips`: the clip table, one row per clip (preprocess -> protocols).
* `contracts.cache`: optical flow, one HDF5 file per subject (preprocess -> merba).
* `contracts.sequences`: aligned frames and their flow over time, one HDF5 file per subject, where a method
  asks for them (preprocess -> merba).
* `contracts.predictions`: one row per test clip and seed, without labels (merba -> protocols).

`contracts.files` writes any file whole or not at all; `contracts.errors` holds the one exception that
means "the user can cure this". Nothing here imports torch, OpenCV or Snakemake.
"""
