"""The hosts of a swarm before and after a load: stored, prepared, deployed to, asked for their status, cleaned."""
