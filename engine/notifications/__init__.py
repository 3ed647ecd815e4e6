"""Telling what happens: in the window, and by webhooks, chats and mail."""

from engine.notifications.announcing import announce as announce
