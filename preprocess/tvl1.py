"""TV-L1's parameters: OpenCV is given them in `preprocess.flow`, PyTorch follows them in `tvl1_torch`."""

# Stated in full although they are the library's defaults: they belong into the cache's attributes.
TVL1 = {
    "tau": 0.25,
    "lambda": 0.15,
    "theta": 0.3,
    "scales": 5,
    "warps": 5,
    "epsilon": 0.01,
    "inner_iterations": 30,
    "outer_iterations": 10,
    "scale_step": 0.8,
    "gamma": 0.0,
    "median": 5,
}
