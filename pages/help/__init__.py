"""The Help page: the guide, rendered and searched, inside the studio."""
