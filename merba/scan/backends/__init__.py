"""Back-ends of the selective scan, one file each; a file's name is the back-end's name.

Each defines, and imports neither more than it needs to say so nor a package that may be missing:

* `PRIORITY`: of the back-ends that can run, the one with the highest is taken;
* `obstacle(x)`: why it cannot work on x, a clause, or None if it can;
* either `scan(x, dt, A, B, C, D)`: y. Layout as in `merba.scan`; tensors are all float32 or all float64;
* or `mix(xz, weights, orders, inverses)`: as `merba.mixing.mix`, the scan and all that surrounds it.

A new file is found by its name and taken up by the tests. The imports below make nothing known: they let the
digest of a job's code, which reads imports, see these files.
"""

from merba.scan.backends import mamba_ssm, native, reference, torch, triton  # noqa: F401
