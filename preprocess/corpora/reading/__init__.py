"""What the readers of recordings share; every corpus's own facts stand in its file one level up.

recordings   folders + annotations -> clip table, with everything left out or decided listed
tree         finding a corpus below a root, however it was unpacked
sheets       workbooks of any kind as tables of text; the annotation sheet found by its content
repairs      known slips of the sheets, as data
policies     which onset, apex and offset count where sheet and disk disagree
"""
