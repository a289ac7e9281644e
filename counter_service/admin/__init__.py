"""The admin port: probes, metrics, the admin API and the live page. Never exposed outside the cluster."""
