"""Raw frames to flow caches: corpora, faces, alignment, apex, optical flow. Knows no folds or networks."""
