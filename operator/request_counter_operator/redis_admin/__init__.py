"""What the operator asks the Redis servers themselves, and tells them: over Redis's own protocol, never by exec."""
