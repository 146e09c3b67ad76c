"""How one row of a file becomes several trials, as it is declared; nothing here reads a table."""
