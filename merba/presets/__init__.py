"""MERba at its sizes, one file each; a file's name is the model's name."""
