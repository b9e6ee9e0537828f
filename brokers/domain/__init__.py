"""The desk's one vocabulary: pure values, standard library only.

Numbers are ``Decimal`` read from text, never through ``float``; times are aware and UTC. Prices are per
unit and unsigned; amounts are dollars from the account's side: credit positive, debit negative.
"""
