"""The bot's account and device: signing in, cross-signing, the files that keep both."""
