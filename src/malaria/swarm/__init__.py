"""Where bees come from, and what is done with them before and after a load: hosts by ssh, instances of a cloud.

Promises: many hosts at once, and a failed one is named with its error while the others go on. Nothing here is imported
for a load that this machine makes alone; what the extra `swarm` brings is imported only when it is needed.
"""
