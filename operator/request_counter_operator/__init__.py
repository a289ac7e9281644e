"""The operator of RequestCounter resources: see docs/architecture.md."""
