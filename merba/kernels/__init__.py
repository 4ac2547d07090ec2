"""Fused computations for one model each: PyTorch's form beside a C++ kernel, see `merba.native`."""
