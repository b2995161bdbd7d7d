"""malaria: what an MQTT broker carries, what happens past that, and whether it comes back."""

__version__ = "0.1.0"
