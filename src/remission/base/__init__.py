"""How do we name, count, date, hash and fail?

Inputs: files, ids, quantities and addresses of random numbers, all of them untrusted.
Outputs: plain checked values, five-part errors, and files that are either whole or absent.
"""
