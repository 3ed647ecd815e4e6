"""The studio put together: command line, HTTP server, REST API, gateway and window."""
