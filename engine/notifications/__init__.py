"""Telling people: what happened to runs and the disk, in the window and to the sinks that a person sets."""

from engine.notifications.announcing import announce as announce
