"""The studio's own model server, with OpenAI's API."""
