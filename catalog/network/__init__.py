"""The network as the environment describes it: certificates, proxies, bounded web requests."""
