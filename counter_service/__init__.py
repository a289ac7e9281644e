"""The counter service: counts HTTP PUT requests per path, exactly."""
