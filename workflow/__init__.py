"""Where the rooms are joined: the rules of the DAG, their scripts, and `merba-check`."""
