"""What watches remember, in the database: a module for each kind of thing, within the caller's transaction."""
