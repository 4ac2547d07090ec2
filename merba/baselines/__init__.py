"""MERba's rivals, one file each with its paper cited at the top; a file's name is the model's name."""
