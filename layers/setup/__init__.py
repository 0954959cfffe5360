"""The machine made ready: which engine and registry serve a checkout, and a private pair."""
