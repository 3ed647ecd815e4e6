"""Chats over REST: asked, changed, judged, taken away."""
