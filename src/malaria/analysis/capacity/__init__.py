"""Find the greatest load that a target carries, from trials that may be noisy.

The classification of loads is that of RFC 9971 (MLRsearch, 2026): bounds are proven by the time that was good and bad,
not by the last trial. Pure: no clock, no I/O. `malaria.campaign` makes the trials.
"""
