"""Many hosts that make one load: `hosts` prepares and manages them, `run` uses them in an attack.

Promises: work on many hosts goes on when one fails, and its error names it. Nothing here is imported for a load that
this machine makes alone; packages of the extra `swarm` are imported only when they are needed.
"""
