"""Network access by the environment's settings: certificates, proxies, bounded web requests."""
