"""The verbs of the command line, one file each: a door turns words into a question, asks a room, and prints the answer."""

NOTICE = "Research software: not for decisions about a patient."
