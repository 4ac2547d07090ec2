"""Plain facts about the corpora that both the reader and the generator of synthetic recordings need.

A module here imports nothing of the project: what takes its facts from here does not depend on how corpora
are read, so an edited reader leaves the synthetic recordings as they are.
"""
