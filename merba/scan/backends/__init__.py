"""Back-ends of the selective scan, one file each; a file's name is the back-end's name.

Each defines, and imports no more than torch to do so:

* `PRIORITY`: of the back-ends that can run, the one with the highest is taken;
* `obstacle(x)`: why it cannot scan x, a clause, or None if it can;
* `scan(x, dt, A, B, C, D)`: y. Layout as in `merba.scan`; tensors are all float32 or all float64.

A new file is found by its name and taken up by the tests. The imports below make nothing known: they let the
digest of a job's code, which reads imports, see these files.
"""

from merba.scan.backends import mamba_ssm, reference, torch  # noqa: F401
