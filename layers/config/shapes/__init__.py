"""What a value or a table may hold, said once for the reader and for the JSON Schema."""
