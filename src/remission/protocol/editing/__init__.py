"""Editing: a regimen is a value; each edit gives a new, checked one and says what changed."""
