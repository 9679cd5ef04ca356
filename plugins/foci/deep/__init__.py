"""Deep stages: OpenID token, LiveKit token, signalling, media."""
