"""Rooms that the bot is in, is invited to, or that were upgraded."""
