"""The only writers of durable state, one per declaration in `api/`."""
