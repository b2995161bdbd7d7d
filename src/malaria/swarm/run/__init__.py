"""A swarm during an attack: the conductor's side and the bee's side of one load on many hosts."""
