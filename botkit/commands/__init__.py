"""Commands in rooms: parsed, routed to plugins, limited, explained."""
