"""Messages as values: documents, their rendering, notifications, text made safe."""
