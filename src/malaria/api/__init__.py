"""Gives what `import malaria` offers: attacks, campaigns and searches from Python, their results, the pytest plugin.

Nothing is imported before it is needed: the plugin is found by every pytest on the machine.
"""
