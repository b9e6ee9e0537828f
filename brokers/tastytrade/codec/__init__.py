"""tastytrade's REST in both directions: a pair of functions per endpoint, no I/O.

Unknown fields are ignored. An unknown word, a missing field or what is not a number is ``UnexpectedReply`` with
its path, never its value.
"""
