"""What nobody shall read in a log: the values of variables of the environment that are secrets."""

import os
import re
from collections.abc import Mapping

SECRET = re.compile(r"TOKEN|SECRET|PASSWORD|PASSWD|API_?KEY|CREDENTIAL", re.IGNORECASE)
LEAST = 6  # characters: what is shorter is no secret, or a word that texts have


def without_secrets(text: str, environment: Mapping[str, str] = os.environ) -> str:
    """The text with *** in the place of tokens, keys and passwords of the environment: D-Wave's
    DWAVE_API_TOKEN, Ray's RAY_AUTH_TOKEN, and all others whose names say so."""
    secrets = (v for name, v in environment.items() if SECRET.search(name) and len(v) >= LEAST)
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text
