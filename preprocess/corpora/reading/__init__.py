"""What the readers of recordings share; every corpus's own facts stand in its file one level up.

declared     what such a file says: words, names, look
finding      a corpus's homes and its clips' folders, by directory listings alone (`tree` searches)
annotations  rows of the sheets -> what the owner says about each clip (`repairs`: known slips, as data)
sheets       files of any kind as tables of text; the annotation sheets among them, by their content
recordings   folders + annotations -> clip table, with everything left out or decided listed
pictures     raw or cropped by the owner, told by names
policies     which onset, apex and offset count where sheet and disk disagree
"""
