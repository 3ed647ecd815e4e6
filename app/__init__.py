"""The studio put together: command line, HTTP server, guard, REST API, gateway, pages."""
