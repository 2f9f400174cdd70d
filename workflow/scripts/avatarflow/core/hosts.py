"""Whether an address is this machine's own.

Imported while Snakemake parses: standard library only.
"""

import ipaddress


def is_loopback(host: str) -> bool:
    """Whether a host, by name or number, is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
