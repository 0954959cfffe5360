"""What this machine says: its system, apt, certificates, proxies."""
