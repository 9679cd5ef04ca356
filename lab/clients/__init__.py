"""
What real clients do in set-ups of a server: the table of expectations, and the run of real Element Call against it.

``expectations`` reads the table and needs nothing but the standard library, for fast tests read it too.
"""
