"""What happened is told: in the window, by the browser, and to webhooks, chats and mail."""

from engine.notifications.announcing import announce as announce
