"""Trees of paths: what lies where after some layers were unpacked."""
