"""Reach other hosts over ssh: parse a destination, connect, run a script there, and explain what failed.

Promises: every host key is checked against known_hosts or a stated key, whatever an ssh configuration says; no password
is asked for; a failure of ssh or of the other host is an `SshError` with its reason in words and a remedy.
"""
