"""Bad servers: each answers in one wrong way, and what a check must find there is written down by hand."""
