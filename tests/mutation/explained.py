"""Statements of the counting path whose removal no test misses, and why that is well."""

EXPLAINED: dict[str, str] = {}
