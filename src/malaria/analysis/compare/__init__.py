"""Compare two runs, and two sides that were run alternately: figures, differences, and what they prove. Pure.

Promises: no I/O, no clock, no randomness but with a fixed seed: equal records give equal answers.
"""
